#include "cli/prompt.hpp"

#include <bsd/readpassphrase.h>
#include <cstdio>
#include <iostream>
#include <string.h>
#include <unistd.h>
#include <vector>

namespace prov::cli {
namespace {

constexpr std::size_t kLongestSecret = 128 * 1024;

std::optional<std::string> Line() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

}  // namespace

bool CanAsk() { return isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0; }

std::optional<std::string> Ask(const std::string& question) {
  if (isatty(STDIN_FILENO) != 0) std::fputs(question.c_str(), stderr);
  return Line();
}

std::optional<std::string> AskSecret(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0) return Line();
  std::vector<char> buffer(kLongestSecret);
  const char* answer = readpassphrase(question.c_str(), buffer.data(), buffer.size(),
                                      RPP_ECHO_OFF | RPP_REQUIRE_TTY);
  if (answer == nullptr) return std::nullopt;
  std::string secret = answer;
  explicit_bzero(buffer.data(), buffer.size());
  return secret;
}

}  // namespace prov::cli
