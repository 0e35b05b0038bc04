#include "support/requires.hpp"

#include <array>
#include <cstdio>
#include <sys/wait.h>

namespace prov::test {

std::string MissingRequirement(std::string_view requirement) {
  const auto command =
      std::string(PROV_SOURCE_DIR "/tests/support/requirement ") + std::string(requirement);
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "tests/support/requirement cannot be run";
  std::string reason;
  std::array<char, 256> buffer{};
  while (fgets(buffer.data(), buffer.size(), pipe) != nullptr) reason += buffer.data();
  const int status = pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return reason.empty() ? "tests/support/requirement failed" : reason;
}

}  // namespace prov::test
