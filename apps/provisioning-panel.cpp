// provisioning-panel: serve, and what is done beside it: tokens, users, keys.
#include <charconv>
#include <cstdio>
#include <grp.h>
#include <map>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "panel/auth/accounts.hpp"
#include "panel/auth/api_tokens.hpp"
#include "panel/auth/typed_password.hpp"
#include "panel/configuration.hpp"
#include "panel/enrolment/enrolment_desk.hpp"
#include "panel/open_database.hpp"
#include "panel/panel.hpp"
#include "panel/store_commands.hpp"
#include "panel/web/embedded_files.hpp"

namespace {

using namespace prov;

constexpr int kUsage = 2;

void PrintHelp() {
  std::puts(
      "provisioning-panel [serve] [--config FILE] [--check-config] [--SETTING VALUE ...]\n"
      "provisioning-panel token create --name NAME [--user USER] [--scope SCOPE ...] "
      "[--expires-in-days N]\n"
      "provisioning-panel token list | token revoke ID\n"
      "provisioning-panel user create NAME [--administrator] [--password-file FILE|-]\n"
      "provisioning-panel user password NAME [--password-file FILE|-] | user list\n"
      "provisioning-panel enroll-token AGENT_ID [--re-enroll] [--expires-in-minutes N]\n"
      "provisioning-panel rotate-keys AGENT_ID\n"
      "provisioning-panel backup FILE | restore FILE\n"
      "provisioning-panel migrate --from URL|--from-file FILE --to URL|--to-file FILE\n"
      "provisioning-panel --version | --help\n\nSettings, also in the file and as NAME or "
      "NAME_FILE "
      "in the environment:");
  for (const auto& setting : panel::PanelSettings()) {
    std::printf("  %-22s %s%s%s\n", setting.name.c_str(), setting.help.c_str(),
                setting.default_value && !setting.default_value->empty() ? "; default " : "",
                setting.default_value ? setting.default_value->c_str() : "");
  }
}

int Fail(const std::string& sentence) {
  std::fprintf(stderr, "provisioning-panel: %s\n", sentence.c_str());
  return kUsage;
}

// Flags of the command itself, taken out of `arguments`; what is left are settings.
struct Flags {
  std::map<std::string, std::vector<std::string>> own;
  std::map<std::string, std::string> settings;
  std::string config;
  std::vector<std::string> words;
  std::string wrong;  // a sentence
};

Flags ReadFlags(const std::vector<std::string>& arguments, const std::vector<std::string>& own,
                const std::vector<std::string>& switches) {
  const auto one_of = [](const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
  };
  Flags flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& flag = arguments[i];
    if (!flag.starts_with("--")) {
      flags.words.push_back(flag);
    } else if (one_of(switches, flag)) {
      flags.own[flag];
    } else if (i + 1 == arguments.size()) {
      flags.wrong = "`" + flag + "` is not understood, or lacks a value; see --help";
    } else if (flag == "--config") {
      flags.config = arguments[++i];
    } else if (one_of(own, flag)) {
      flags.own[flag].push_back(arguments[++i]);
    } else {
      auto name = flag.substr(2);
      for (auto& c : name) c = c == '-' ? '_' : c;
      flags.settings[name] = arguments[++i];
    }
  }
  return flags;
}

Result<panel::PanelConfiguration> Configure(const Flags& flags, std::string* description) {
  PROV_TRY(const auto settings, Configuration::Load(panel::PanelSettings(), flags.config,
                                                    ProcessEnvironment(), flags.settings));
  if (description != nullptr) *description = settings.Describe();
  return panel::ReadConfiguration(settings);
}

std::string Last(const Flags& flags, const std::string& name, std::string otherwise) {
  const auto found = flags.own.find(name);
  return found == flags.own.end() || found->second.empty() ? otherwise : found->second.back();
}

Result<long> Number(const Flags& flags, const std::string& name, long otherwise) {
  const auto text = Last(flags, name, std::to_string(otherwise));
  long number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc{} || end != text.data() + text.size() || number < 1 || number > 100'000)
    return Error{ErrorCode::kInvalidArgument, name + " must be a whole number from 1", {}};
  return number;
}

// Root works as the panel's own user, so that the database stays that user's.
Status BecomeOwnerOf(const Path& state_dir) {
  struct stat directory{};
  if (geteuid() == 0 && stat(state_dir.c_str(), &directory) == 0 && directory.st_uid != 0) {
    if (setgroups(0, nullptr) != 0 || setgid(directory.st_gid) != 0 ||
        setuid(directory.st_uid) != 0) {
      return ErrnoError("becoming the owner of " + state_dir.string());
    }
  }
  return {};
}

Result<std::unique_ptr<store::Database>> OpenDatabase(
    const panel::PanelConfiguration& configuration) {
  PROV_CHECK(BecomeOwnerOf(configuration.state_dir));
  return panel::OpenDatabase(configuration.database_url);
}

// The text goes to standard output alone, so that it can be put into a file.
int Print(const Result<std::string>& token) {
  if (!token) return Fail(token.error().ToString());
  std::puts(token->c_str());
  return 0;
}

int CreateToken(const Flags& flags) {
  const auto configuration = Configure(flags, nullptr);
  if (!configuration) return Fail(configuration.error().message);
  const auto database = OpenDatabase(*configuration);
  if (!database) return Fail(database.error().ToString());
  std::optional<Seconds> valid_for;
  if (flags.own.contains("--expires-in-days")) {
    const auto days = Number(flags, "--expires-in-days", 1);
    if (!days) return Fail(days.error().message);
    valid_for = std::chrono::hours{24} * *days;
  }
  const auto scopes = flags.own.find("--scope");
  const SystemClock clock;
  SystemRandom random;
  return Print(panel::MakeApiToken(
      **database, Last(flags, "--name", ""), Last(flags, "--user", "admin"),
      scopes == flags.own.end() ? std::vector<std::string>{"admin"} : scopes->second, valid_for,
      clock, random));
}

int ListTokens(const Flags& flags) {
  const auto configuration = Configure(flags, nullptr);
  if (!configuration) return Fail(configuration.error().message);
  const auto database = OpenDatabase(*configuration);
  if (!database) return Fail(database.error().ToString());
  return Print(panel::ListApiTokens(**database));
}

int RevokeToken(const Flags& flags) {
  if (flags.words.size() != 1) return Fail("token revoke takes one id; token list shows them");
  const auto configuration = Configure(flags, nullptr);
  if (!configuration) return Fail(configuration.error().message);
  const auto database = OpenDatabase(*configuration);
  if (!database) return Fail(database.error().ToString());
  const auto revoked = panel::RevokeApiToken(**database, flags.words.front(), SystemClock());
  return revoked ? 0 : Fail(revoked.error().message);
}

int Token(std::vector<std::string> arguments) {
  const std::string what = arguments.empty() ? "" : arguments.front();
  if (what != "create" && what != "list" && what != "revoke")
    return Fail("there are `token create --name NAME`, `token list` and `token revoke ID`");
  arguments.erase(arguments.begin());
  const bool creates = what == "create";
  const auto flags = ReadFlags(
      arguments,
      creates ? std::vector<std::string>{"--name", "--user", "--scope", "--expires-in-days"}
              : std::vector<std::string>{},
      {});
  if (!flags.wrong.empty()) return Fail(flags.wrong);
  return creates ? CreateToken(flags) : what == "list" ? ListTokens(flags) : RevokeToken(flags);
}

int CreateUser(const Flags& flags, store::Database& database, const std::string& password) {
  const auto role =
      flags.own.contains("--administrator") ? store::Role::kAdministrator : store::Role::kUser;
  const SystemClock clock;
  SystemRandom random;
  const auto made = panel::MakeUser(database, flags.words.front(), role, password, clock, random);
  if (!made) return Fail(made.error().message);
  std::printf("%s may sign in now\n", made->name.c_str());
  return 0;
}

int SetUserPassword(const Flags& flags, store::Database& database, const std::string& password) {
  const SystemClock clock;
  SystemRandom random;
  const auto set = panel::ResetPassword(database, flags.words.front(), password, clock, random);
  if (!set) return Fail(set.error().message);
  std::puts("the password is another one; every session of that user has ended");
  return 0;
}

int User(std::vector<std::string> arguments) {
  const std::string what = arguments.empty() ? "" : arguments.front();
  if (what != "create" && what != "password" && what != "list")
    return Fail("there are `user create NAME`, `user password NAME` and `user list`");
  arguments.erase(arguments.begin());
  const auto flags = ReadFlags(
      arguments, {"--password-file"},
      what == "create" ? std::vector<std::string>{"--administrator"} : std::vector<std::string>{});
  if (!flags.wrong.empty()) return Fail(flags.wrong);
  if (flags.words.size() != (what == "list" ? 0 : 1))
    return Fail("user " + what + (what == "list" ? " takes no name" : " takes one name"));
  const auto configuration = Configure(flags, nullptr);
  if (!configuration) return Fail(configuration.error().message);
  // A file that is root's is read as root.
  const auto file = Last(flags, "--password-file", "");
  const auto password = what == "list" ? Result<std::string>("") : panel::TypedPassword(file);
  if (!password) return Fail(password.error().ToString());
  const auto database = OpenDatabase(*configuration);
  if (!database) return Fail(database.error().ToString());
  if (what == "list") return Print(panel::ListUsers(**database));
  return what == "create" ? CreateUser(flags, **database, *password)
                          : SetUserPassword(flags, **database, *password);
}

int CreateEnrollToken(const Flags& flags) {
  if (flags.words.size() != 1)
    return Fail("enroll-token takes the id of one agent, such as agent-web1");
  const auto configuration = Configure(flags, nullptr);
  if (!configuration) return Fail(configuration.error().message);
  const auto minutes = Number(flags, "--expires-in-minutes", 60);
  if (!minutes) return Fail(minutes.error().message);
  const auto database = OpenDatabase(*configuration);
  if (!database) return Fail(database.error().ToString());
  const SystemClock clock;
  SystemRandom random;
  return Print(panel::MakeEnrolmentToken(**database, configuration->secret_key, flags.words.front(),
                                         flags.own.contains("--re-enroll"),
                                         std::chrono::minutes{*minutes}, "admin", clock, random));
}

int RotateKeys(const Flags& flags) {
  if (flags.words.size() != 1)
    return Fail("rotate-keys takes the id of one agent, such as agent-web1");
  const auto configuration = Configure(flags, nullptr);
  if (!configuration) return Fail(configuration.error().message);
  const auto database = OpenDatabase(*configuration);
  if (!database) return Fail(database.error().ToString());
  const SystemClock clock;
  SystemRandom random;
  const auto& agent = flags.words.front();
  const auto offered =
      panel::OfferKeys(**database, configuration->secret_key, agent, "admin", clock, random);
  if (!offered) return Fail(offered.error().ToString());
  std::printf(
      "%s is offered keys of generation %u; the running panel sends them within half a minute, for "
      "24 hours, and the audit says when they are in use\n",
      agent.c_str(), *offered);
  return 0;
}

// backup FILE or restore FILE.
int BackUpOrRestore(const Flags& flags, bool restores) {
  if (flags.words.size() != 1)
    return Fail(std::string(restores ? "restore" : "backup") + " takes the name of one file");
  const auto configuration = Configure(flags, nullptr);
  if (!configuration) return Fail(configuration.error().message);
  const Path file = flags.words.front();
  const auto& state_dir = configuration->state_dir;
  if (const auto made = MakeDirectories(state_dir, 0700); !made)
    return Fail(made.error().ToString());
  if (const auto became = BecomeOwnerOf(state_dir); !became) return Fail(became.error().ToString());
  const auto url = store::ParseUrl(configuration->database_url);
  if (!url) return Fail(url.error().message);
  return Print(restores ? panel::RestoreStore(file, *url, state_dir)
                        : panel::BackUpStore(*url, file));
}

int Migrate(const Flags& flags) {
  if (!flags.words.empty() || !flags.settings.empty())
    return Fail("migrate takes --from URL and --to URL alone; see --help");
  std::vector<store::Url> ends;
  for (const std::string name : {"from", "to"}) {
    auto url = panel::UrlFromFlags(name, Last(flags, "--" + name, ""),
                                   Last(flags, "--" + name + "-file", ""));
    if (!url) return Fail(url.error().ToString());
    ends.push_back(std::move(*url));
  }
  for (const auto& url : ends) {
    if (url.engine != store::Engine::kSqlite) continue;
    const auto became = BecomeOwnerOf(std::filesystem::absolute(url.file()).parent_path());
    if (!became) return Fail(became.error().ToString());
  }
  return Print(panel::MigrateStore(ends.front(), ends.back()));
}

int Serve(const Flags& flags) {
  if (!flags.words.empty()) return Fail("`" + flags.words.front() + "` is not understood");
  std::string description;
  const auto configuration = Configure(flags, &description);
  if (!configuration) return Fail(configuration.error().message);
  if (flags.own.contains("--check-config")) {
    std::fputs(description.c_str(), stdout);
    return 0;
  }
  return panel::RunPanel(
      *configuration, [flags] { return Configure(flags, nullptr); }, panel::EmbeddedFiles());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::string command = "serve";
  if (!arguments.empty() && !arguments.front().starts_with("--")) {
    command = arguments.front();
    arguments.erase(arguments.begin());
  } else if (!arguments.empty() &&
             (arguments.front() == "--help" || arguments.front() == "--version")) {
    command = arguments.front().substr(2);
  }
  if (command == "help") return PrintHelp(), 0;
  if (command == "version") return std::puts("provisioning-panel " PROV_VERSION), 0;
  if (command == "token") {
    return Token(std::move(arguments));
  }
  if (command == "user") return User(std::move(arguments));
  if (command == "enroll-token") {
    const auto flags = ReadFlags(arguments, {"--expires-in-minutes"}, {"--re-enroll"});
    return flags.wrong.empty() ? CreateEnrollToken(flags) : Fail(flags.wrong);
  }
  if (command == "rotate-keys") {
    const auto flags = ReadFlags(arguments, {}, {});
    return flags.wrong.empty() ? RotateKeys(flags) : Fail(flags.wrong);
  }
  if (command == "backup" || command == "restore") {
    const auto flags = ReadFlags(arguments, {}, {});
    return flags.wrong.empty() ? BackUpOrRestore(flags, command == "restore") : Fail(flags.wrong);
  }
  if (command == "migrate") {
    const auto flags = ReadFlags(arguments, {"--from", "--from-file", "--to", "--to-file"}, {});
    return flags.wrong.empty() ? Migrate(flags) : Fail(flags.wrong);
  }
  if (command == "serve") {
    const auto flags = ReadFlags(arguments, {}, {"--check-config"});
    return flags.wrong.empty() ? Serve(flags) : Fail(flags.wrong);
  }
  return Fail(
      "unknown command `" + command +
      "`; there are serve, token, user, enroll-token, rotate-keys, backup, restore and migrate");
}
