#include "cli/completion.hpp"

#include <algorithm>

#include "cli/show.hpp"

namespace prov::cli {
namespace {

namespace bj = boost::json;

constexpr const char* kBash = R"(_provisionctl() {
  mapfile -t COMPREPLY < <(provisionctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [[ ${#COMPREPLY[@]} = 1 && ${COMPREPLY[0]} = *= ]] && compopt -o nospace
}
complete -o default -F _provisionctl provisionctl
)";
constexpr const char* kZsh = R"(#compdef provisionctl
_provisionctl() {
  local -a offers
  offers=("${(@f)$(provisionctl __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -S '' -a offers
}
compdef _provisionctl provisionctl
)";
constexpr const char* kFish =
    "complete -c provisionctl -f -a "
    "'(provisionctl __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'\n";

bool Plain(std::string_view text) {
  return !text.empty() && text.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
                              "YZ0123456789._=-") == text.npos;
}

std::vector<std::string> Names(const Settings& settings, const std::string& target,
                               std::string_view member = "id") {
  ApiClient api(settings.api);
  std::vector<std::string> names;
  const auto page = api.Get(target);
  if (!page || !page->is_object()) return names;
  const auto* items = page->get_object().if_contains("items");
  if (items == nullptr || !items->is_array()) return names;
  for (const auto& item : items->get_array()) names.push_back(Cell(item, member));
  return names;
}

std::vector<std::string> InputNames(const Settings& settings, const std::string& app,
                                    std::string_view behind) {
  ApiClient api(settings.api);
  std::vector<std::string> names;
  const auto found = api.Get("/api/installers/" + Escaped(app));
  if (!found) return names;
  for (const auto& input : InputsOf(*found))
    names.push_back(std::string(input.at("name").as_string()) + std::string(behind));
  return names;
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

constexpr std::initializer_list<std::string_view> kWithValue = {
    "--panel",        "--token-file", "--ca-file",  "--config",     "-o",
    "--output",       "--color",      "-s",         "--server",     "-i",
    "--input",        "--secret",     "--attempt",  "--input-file", "--app",
    "--status",       "--user",       "--action",   "--since",      "--until",
    "--limit",        "--format",     "--category", "--q",          "--idempotency-key",
    "--password-file"};

// The words that are neither a flag nor its value.
std::vector<std::string> Positional(const std::vector<std::string>& words) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (IsOneOf(words[i], kWithValue))
      ++i;
    else if (!words[i].starts_with("-"))
      found.push_back(words[i]);
  }
  return found;
}

std::vector<std::string> Values(const Settings& settings, std::string_view flag,
                                const std::vector<std::string>& positional) {
  if (IsOneOf(flag, {"-s", "--server"})) return Names(settings, "/api/servers?limit=200");
  if (flag == "--app") return Names(settings, "/api/installers?limit=200");
  if (IsOneOf(flag, {"-o", "--output"})) return {"table", "json", "yaml"};
  if (flag == "--color") return {"auto", "always", "never"};
  if (IsOneOf(flag, {"-i", "--input", "--input-file"}) && positional.size() > 1)
    return InputNames(settings, positional[1], "=");
  if (flag == "--secret" && positional.size() > 1) return InputNames(settings, positional[1], "");
  return {};
}

// The words that may follow `command` where it has commands of its own.
std::vector<std::string> CommandsOf(const CommandFlags& commands, const std::string& command) {
  std::vector<std::string> names;
  for (const auto& [name, flags] : commands) {
    if (name.starts_with(command + " ")) names.push_back(name.substr(command.size() + 1));
  }
  return names;
}

std::vector<std::string> OffersOfUser(const Settings& settings, const CommandFlags& commands,
                                      const std::vector<std::string>& positional) {
  if (positional.size() == 1) return CommandsOf(commands, "user");
  const auto& verb = positional[1];
  if (positional.size() == 2 && verb != "create") return Names(settings, "/api/users", "name");
  if (positional.size() == 3 && verb == "role") return {"user", "administrator"};
  return {};
}

std::vector<std::string> Offers(const Settings& settings, const CommandFlags& commands,
                                const std::vector<std::string>& words) {
  const auto positional = Positional(words);
  if (words.size() > 1 && IsOneOf(words[words.size() - 2], kWithValue))
    return Values(settings, words[words.size() - 2], positional);
  if (positional.empty()) {
    std::vector<std::string> names;
    for (const auto& [name, flags] : commands) {
      if (name.find(' ') == std::string::npos) names.push_back(name);
    }
    return names;
  }
  const auto& command = positional.front();
  if (words.back().starts_with("-")) {
    auto found = positional.size() > 1 ? commands.find(command + " " + positional[1])
                                       : commands.find(command);
    if (found == commands.end()) found = commands.find(command);
    return found == commands.end() ? std::vector<std::string>() : found->second;
  }
  if (command == "user") return OffersOfUser(settings, commands, positional);
  if (positional.size() > 1) {
    return IsOneOf(command, {"install", "uninstall", "upgrade", "check"})
               ? InputNames(settings, positional[1], "=")
               : std::vector<std::string>();
  }
  if (IsOneOf(command, {"app", "install", "uninstall", "upgrade", "check"}))
    return Names(settings, "/api/installers?limit=200");
  if (IsOneOf(command, {"server", "drain", "resume", "redis-acl", "amqp-user"}))
    return Names(settings, "/api/servers?limit=200");
  if (IsOneOf(command, {"job", "logs", "cancel", "retry", "retry-now"}))
    return Names(settings, "/api/jobs?limit=20");
  if (command == "completion") return {"bash", "zsh", "fish"};
  return {};
}

}  // namespace

std::optional<std::string> CompletionScript(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return std::nullopt;
}

std::vector<std::string> Complete(const Settings& settings, const CommandFlags& commands,
                                  const std::vector<std::string>& words) {
  if (words.empty()) return {};
  auto offers = Offers(settings, commands, words);
  std::erase_if(offers, [&](const std::string& offer) {
    return !Plain(offer) || !offer.starts_with(words.back());
  });
  return offers;
}

}  // namespace prov::cli
