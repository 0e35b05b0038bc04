// provisionctl: what a person types.
#include <csignal>
#include <cstdlib>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/configuration.hpp"
#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/users.hpp"

namespace {

using namespace prov;

const std::vector<Setting> kSettings = {
    {"panel_url", "", "http://127.0.0.1:5000"},
    {"provisionctl_token", "", std::nullopt, true},
    {"panel_ca_file", "", "/etc/ssl/certs/ca-certificates.crt"},
};

int Fail(const std::string& sentence) {
  std::fprintf(stderr, "provisionctl: %s\n", sentence.c_str());
  return static_cast<int>(cli::ExitStatus::kUsage);
}

constexpr Millis kCompletionPatience{1500};

struct Global {
  std::string panel;
  std::string token_file;
  std::string ca_file;
  std::string config;
  std::string output = "table";
  std::string colour = "auto";
  bool timestamps = false;
};

Result<cli::Settings> Configure(const Global& global) {
  auto environment = ProcessEnvironment();
  std::string file = global.config;
  if (file.empty() && environment.contains("HOME")) {
    const auto usual = environment.at("HOME") + "/.config/provisionctl/config.yml";
    if (access(usual.c_str(), R_OK) == 0) file = usual;
  }
  if (!global.token_file.empty()) {
    if (access(global.token_file.c_str(), R_OK) != 0)
      return ErrnoError("--token-file: cannot read " + global.token_file);
    environment.erase("PROVISIONCTL_TOKEN");
    environment["PROVISIONCTL_TOKEN_FILE"] = global.token_file;
  }
  std::map<std::string, std::string> flags;
  if (!global.panel.empty()) flags["panel_url"] = global.panel;
  if (!global.ca_file.empty()) flags["panel_ca_file"] = global.ca_file;
  PROV_TRY(const auto loaded, Configuration::Load(kSettings, file, environment, flags));
  cli::Settings settings;
  settings.api = {loaded.Text("panel_url"), loaded.Text("provisionctl_token"),
                  loaded.Text("panel_ca_file")};
  settings.output = global.output == "json"   ? cli::Output::kJson
                    : global.output == "yaml" ? cli::Output::kYaml
                                              : cli::Output::kTable;
  const bool plain = environment.contains("NO_COLOR") || isatty(STDERR_FILENO) == 0;
  settings.timestamps = global.timestamps;
  settings.colours = global.colour == "always" || (global.colour == "auto" && !plain);
  return settings;
}

void AddInputs(CLI::App* command, cli::JobRequest& request) {
  auto& inputs = request.inputs;
  inputs.may_ask = true;
  const auto add = [&inputs](const std::vector<std::string>& given) {
    inputs.plain.insert(inputs.plain.end(), given.begin(), given.end());
  };
  command->add_option_function<std::vector<std::string>>("inputs", add, "inputs, NAME=VALUE");
  command
      ->add_option_function<std::vector<std::string>>("-i,--input", add,
                                                      "the same; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--input-file", inputs.files, "an input from a file, NAME=FILE")
      ->allow_extra_args(false);
  command
      ->add_option("--secret", inputs.secrets,
                   "a sensitive input, asked for here (or a line of standard input)")
      ->allow_extra_args(false);
  command->add_flag("--insecure-argv", inputs.insecure_argv,
                    "take sensitive inputs from the command line all the same");
  command->add_flag("!--no-input", inputs.may_ask, "ask for nothing that is missing");
  command->add_flag("-f,--follow", request.follow, "show the log until the job is over");
  command->add_option("--idempotency-key", request.idempotency_key,
                      "the same key makes the same job once");
}

using Run = std::function<cli::ExitStatus(const cli::Settings&)>;

struct UserArguments {
  std::string name;
  std::string role = "user";
  std::string password_file;
};

// `provisionctl user VERB NAME`; `run` becomes what was asked for.
void AddUserCommands(CLI::App& app, Run& run, UserArguments& given) {
  auto* user = app.add_subcommand("user", "who may sign in, for administrators");
  user->require_subcommand(1);
  const auto command = [&](const char* verb, const char* help, Run does) {
    auto* sub = user->add_subcommand(verb, help);
    sub->add_option("name", given.name)->required();
    sub->callback([&run, does = std::move(does)] { run = does; });
    return sub;
  };
  const auto takes_password = [&](CLI::App* sub) {
    sub->add_option("--password-file", given.password_file,
                    "its first line; - is standard input. Asked for where not given");
  };
  auto* create = command("create", "somebody may sign in", [&](const cli::Settings& s) {
    return cli::CreateUser(s, given.name, given.role, given.password_file);
  });
  create->add_flag_callback("--administrator", [&] { given.role = "administrator"; });
  takes_password(create);
  takes_password(command("password", "another password; ends sessions", [&](const auto& s) {
    return cli::SetUserPassword(s, given.name, given.password_file);
  }));
  command("role", "user or administrator",
          [&](const cli::Settings& s) { return cli::SetUserRole(s, given.name, given.role); })
      ->add_option("role", given.role)
      ->required()
      ->check(CLI::IsMember({"user", "administrator"}));
  command("disable", "let in no longer; ends sessions",
          [&](const cli::Settings& s) { return cli::EnableUser(s, given.name, false); });
  command("enable", "let in again",
          [&](const cli::Settings& s) { return cli::EnableUser(s, given.name, true); });
  command("remove", "for good; jobs and audit keep the name",
          [&](const cli::Settings& s) { return cli::RemoveUser(s, given.name); });
}

void CollectFlags(const CLI::App& app, const CLI::App& command, const std::string& name,
                  cli::CommandFlags& commands) {
  auto& flags = commands[name];
  for (const auto* owner : {&command, &app}) {
    for (const auto* option : owner->get_options()) {
      for (const auto& flag : option->get_lnames()) flags.push_back("--" + flag);
    }
  }
  for (const auto* sub : command.get_subcommands({}))
    CollectFlags(app, *sub, name + " " + sub->get_name(), commands);
}

// What a shell completes: the words go by the parser, which would refuse what is unfinished.
int CompleteWords(const CLI::App& app, Global global, const std::vector<std::string>& words) {
  cli::CommandFlags commands;
  for (const auto* sub : app.get_subcommands({}))
    CollectFlags(app, *sub, sub->get_name(), commands);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--panel") global.panel = words[i + 1];
    if (words[i] == "--token-file") global.token_file = words[i + 1];
    if (words[i] == "--ca-file") global.ca_file = words[i + 1];
    if (words[i] == "--config") global.config = words[i + 1];
  }
  auto settings = Configure(global);
  if (!settings) return 0;  // nothing to offer; the command itself will say why
  settings->api.answer = kCompletionPatience;
  for (const auto& offer : cli::Complete(*settings, commands, words)) std::puts(offer.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  CLI::App app{"Installs applications on servers, through a provisioning panel", "provisionctl"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "provisionctl " PROV_VERSION);
  app.fallthrough();
  Global global;
  app.add_option("--panel", global.panel, "the panel's URL (PANEL_URL)");
  app.add_option("--token-file", global.token_file, "a file that holds the API token");
  app.add_option("--ca-file", global.ca_file, "certificates the panel's is checked against");
  app.add_option("--config", global.config, "YAML; ~/.config/provisionctl/config.yml");
  app.add_option("-o,--output", global.output)->check(CLI::IsMember({"table", "json", "yaml"}));
  app.add_option("--color", global.colour)->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("--timestamps", global.timestamps, "before each line that is followed");

  Run run;
  std::string name;
  std::string q;
  std::string category;
  cli::JobFilter jobs_filter;
  std::string shell = "bash";
  auto lint_format = cli::LintFormat::kText;
  bool strict = false;
  std::vector<std::string> names;
  bool follow = false;
  int attempt = 0;
  cli::JobRequest request;
  UserArguments user;
  const auto command = [&](const char* word, const char* help, auto does) {
    auto* sub = app.add_subcommand(word, help);
    sub->callback([&run, does] { run = does; });
    return sub;
  };
  auto* apps = command("apps", "what can be installed",
                       [&](const cli::Settings& s) { return cli::ListApps(s, q, category); });
  apps->add_option("--q", q, "words to look for");
  apps->add_option("--category", category);
  command("app", "one application, with its inputs",
          [&](const cli::Settings& s) { return cli::ShowApp(s, name); })
      ->add_option("name", name)
      ->required();
  command("servers", "where it can be installed",
          [](const cli::Settings& s) { return cli::ListServers(s); });
  command("server", "one server", [&](const cli::Settings& s) { return cli::ShowServer(s, name); })
      ->add_option("id", name)
      ->required();
  command("drain", "a server takes up no new job",
          [&](const cli::Settings& s) { return cli::DrainServer(s, name, true); })
      ->add_option("id", name)
      ->required();
  command("resume", "a server takes up jobs again",
          [&](const cli::Settings& s) { return cli::DrainServer(s, name, false); })
      ->add_option("id", name)
      ->required();
  command("redis-acl", "the command that makes a server's user in Redis",
          [&](const cli::Settings& s) { return cli::ShowRedisAcl(s, name); })
      ->add_option("id", name)
      ->required();
  command("amqp-user", "the definitions of a server's user in RabbitMQ",
          [&](const cli::Settings& s) { return cli::ShowAmqpUser(s, name); })
      ->add_option("id", name)
      ->required();
  for (const char* action : {"install", "uninstall", "upgrade", "check"}) {
    auto* sub =
        command(action, "make a job on each server named", [&, action](const cli::Settings& s) {
          request.action = action;
          return cli::SubmitJobs(s, request);
        });
    sub->add_option("app", request.app)->required();
    sub->add_option("-s,--server", request.servers, "may be repeated")
        ->required()
        ->allow_extra_args(false);
    AddInputs(sub, request);
  }
  auto* jobs = command("jobs", "newest first",
                       [&](const cli::Settings& s) { return cli::ListJobs(s, jobs_filter); });
  const auto filter = [&](const char* flag, const char* parameter, const char* help) {
    jobs->add_option_function<std::vector<std::string>>(
            flag,
            [&jobs_filter, parameter](const std::vector<std::string>& values) {
              for (const auto& value : values)
                jobs_filter.parameters.emplace_back(parameter, value);
            },
            help)
        ->allow_extra_args(false);
  };
  filter("--app", "app_id", "of this application");
  filter("--server", "server_id", "on this server");
  filter("--status", "status", "with this status; may be repeated");
  filter("--user", "user", "made by this user");
  filter("--action", "action", "install, uninstall, upgrade or check");
  filter("--since", "since", "made at this time (2026-01-31T12:00:00Z) or after it");
  filter("--until", "until", "made before this time");
  jobs->add_option("--limit", jobs_filter.limit, "how many, 1 to 200; 50 where not given");
  jobs->add_flag("--all", jobs_filter.all, "all of them");
  command("job", "one job", [&](const cli::Settings& s) { return cli::ShowJob(s, name); })
      ->add_option("id", name)
      ->required();
  auto* logs = command("logs", "a job's log", [&](const cli::Settings& s) {
    return cli::ShowLog(s, name, follow, attempt);
  });
  logs->add_option("id", name)->required();
  logs->add_flag("-f,--follow", follow, "until the job is over");
  logs->add_option("--attempt", attempt, "the last one where not given");
  command("cancel", "end a job", [&](const cli::Settings& s) { return cli::CancelJob(s, name); })
      ->add_option("id", name)
      ->required();
  command("retry-now", "begin the attempt that a job waits for",
          [&](const cli::Settings& s) { return cli::RetryJobNow(s, name); })
      ->add_option("id", name)
      ->required();
  auto* retry = command("retry", "a new job with the same inputs",
                        [&](const cli::Settings& s) { return cli::RetryJob(s, name, request); });
  retry->add_option("id", name)->required();
  AddInputs(retry, request);
  auto* lint = command("lint", "check installers without running them",
                       [&](const cli::Settings&) { return cli::Lint(names, lint_format, strict); });
  lint->add_option("directory", names)->required();
  lint->add_option("--format", lint_format, "text, json or sarif")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, cli::LintFormat>{{"text", cli::LintFormat::kText},
                                                 {"json", cli::LintFormat::kJson},
                                                 {"sarif", cli::LintFormat::kSarif}}));
  lint->add_flag("--strict", strict, "warnings count as errors");
  command("users", "who may sign in, for administrators",
          [](const cli::Settings& s) { return cli::ListUsers(s); });
  AddUserCommands(app, run, user);
  command("health", "whether the panel does its work",
          [](const cli::Settings& s) { return cli::ShowHealth(s); });
  command("completion", "what a shell loads to complete: source <(provisionctl completion bash)",
          [&](const cli::Settings&) {
            std::fputs(cli::CompletionScript(shell)->c_str(), stdout);
            return cli::ExitStatus::kOk;
          })
      ->add_option("shell", shell)
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));

  if (argc > 1 && std::string_view(argv[1]) == "__complete")
    return CompleteWords(app, global, {argv + 2, argv + argc});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(cli::ExitStatus::kUsage);
  }
  const auto settings = Configure(global);
  if (!settings) return Fail(settings.error().message);
  return static_cast<int>(run(*settings));
}
