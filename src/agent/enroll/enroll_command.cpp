#include "agent/enroll/enroll_command.hpp"

#include <cstdio>
#include <iostream>
#include <map>
#include <termios.h>
#include <unistd.h>

#include "agent/configuration.hpp"
#include "agent/enroll/enrolment.hpp"
#include "agent/enroll/secret_key.hpp"
#include "agent/exit_status.hpp"

namespace prov::agent {
namespace {

constexpr std::size_t kMaxTokenBytes = 4096;

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return text;
}

// Typed at a terminal it is not shown.
std::string ReadStandardInput() {
  const bool terminal = isatty(STDIN_FILENO) != 0;
  termios before{};
  if (terminal) {
    tcgetattr(STDIN_FILENO, &before);
    auto silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &silent);
    std::fputs("Enrolment token: ", stderr);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::fputs("\n", stderr);
  }
  return Trimmed(std::move(line));
}

Result<std::string> ReadToken(const std::string& file) {
  if (!file.empty() && file != "-") {
    PROV_TRY(auto text, ReadFile(file, kMaxTokenBytes));
    return Trimmed(std::move(text));
  }
  auto text = ReadStandardInput();
  if (text.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "no token: give it with --token-file FILE, or on standard input; `provisioning-"
                 "panel enroll-token AGENT_ID` makes one",
                 {}};
  }
  return text;
}

int ExitStatus(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
      return kNotReachable;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kIo:
    case ErrorCode::kConflict:  // this machine's: a panel's refusal is kPermissionDenied
    case ErrorCode::kExhausted:
      return kUsage;
    default:
      return kRefused;
  }
}

}  // namespace

int RunEnroll(std::vector<std::string> arguments) {
  const std::map<std::string, std::string> known = {{"--panel", "panel_url"},
                                                    {"--ca-file", "panel_ca_file"},
                                                    {"--id", "agent_id"},
                                                    {"--state-dir", "state_dir"}};
  std::map<std::string, std::string> flags;
  const auto environment = ProcessEnvironment();
  const auto from_environment = environment.find("ENROLL_TOKEN_FILE");
  std::string token_file = from_environment == environment.end() ? "" : from_environment->second;
  std::string config_file;
  const auto new_epoch = std::erase(arguments, "--new-epoch") > 0;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const auto& flag = arguments[i];
    if (flag == "--token")
      return Fail(kUsage,
                  "a token on the command line can be read by every user; use --token-file");
    const bool other = flag == "--token-file" || flag == "--config";
    if ((!known.contains(flag) && !other) || i + 1 == arguments.size()) {
      return Fail(kUsage, "`" + flag +
                              "` is not understood, or lacks a value; there are --panel, "
                              "--token-file, --ca-file, --id, --state-dir, --config, --new-epoch");
    }
    if (flag == "--token-file")
      token_file = arguments[i + 1];
    else if (flag == "--config")
      config_file = arguments[i + 1];
    else
      flags[known.at(flag)] = arguments[i + 1];
  }
  const auto settings = Configuration::Load(AgentSettings(), config_file, environment, flags);
  if (!settings) return Fail(kUsage, settings.error().message);
  const auto configuration = ReadConfiguration(*settings);
  if (!configuration) return Fail(kUsage, configuration.error().message);
  EnrolmentOptions options{configuration->agent_id,
                           configuration->panel_url,
                           configuration->panel_ca_file,
                           "",
                           configuration->secret_key,
                           new_epoch,
                           exec::StatePaths{configuration->state_dir}};
  if (const auto held = ReadIdentity(options.state); held && !configuration->agent_id_given)
    options.agent_id = held->agent_id;
  if (!token_file.empty() || options.secret_key.empty()) {
    auto token = ReadToken(token_file);
    if (!token) return Fail(kUsage, token.error().ToString());
    options.token = std::move(*token);
  }
  const SystemClock clock;
  SystemRandom random;
  const auto enrolled = Enrol(options, clock, random);
  if (!enrolled) return Fail(ExitStatus(enrolled.error()), enrolled.error().ToString());
  std::printf(
      "%s is enrolled at %s (key generation %u). Start the agent, unless it runs: "
      "provisioning-agent\n",
      enrolled->agent_id.c_str(), configuration->panel_url.c_str(), enrolled->generation);
  for (const auto& sentence : ForgetSecretKey(config_file, environment))
    std::fprintf(stderr, "provisioning-agent: %s\n", sentence.c_str());
  return 0;
}

}  // namespace prov::agent
