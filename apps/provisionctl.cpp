// provisionctl: what a person types.
#include <csignal>
#include <cstdlib>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/configuration.hpp"
#include "cli/commands.hpp"

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

struct Global {
  std::string panel;
  std::string token_file;
  std::string ca_file;
  std::string config;
  std::string output = "table";
  std::string colour = "auto";
};

Result<cli::Settings> Configure(const Global& global) {
  auto environment = ProcessEnvironment();
  std::string file = global.config;
  if (file.empty() && environment.contains("HOME")) {
    const auto usual = environment.at("HOME") + "/.config/provisionctl/config.yml";
    if (access(usual.c_str(), R_OK) == 0) file = usual;
  }
  if (!global.token_file.empty()) {
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
  settings.colours = global.colour == "always" || (global.colour == "auto" && !plain);
  return settings;
}

void AddInputs(CLI::App* command, cli::JobRequest& request) {
  command->add_option("-i,--input", request.inputs, "an input, NAME=VALUE; may be repeated");
  command->add_option("--input-file", request.input_files, "an input from a file, NAME=FILE");
  command->add_option("--secret", request.secrets,
                      "a sensitive input, asked for here (or a line of standard input)");
  command->add_flag("--insecure-argv", request.insecure_argv,
                    "take sensitive inputs from the command line all the same");
  command->add_flag("-f,--follow", request.follow, "show the log until the job is over");
  command->add_option("--idempotency-key", request.idempotency_key,
                      "the same key makes the same job once");
}

constexpr const char* kCompletion = R"(_provisionctl() {
  local commands="apps app servers server install uninstall upgrade check jobs job logs cancel retry lint health completion"
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W "$commands" -- "${COMP_WORDS[1]}"))
  else
    COMPREPLY=($(compgen -f -W "--server --input --input-file --secret --follow --output --panel" -- "${COMP_WORDS[COMP_CWORD]}"))
  fi
}
complete -F _provisionctl provisionctl
)";

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

  std::function<cli::ExitStatus(const cli::Settings&)> run;
  std::string name;
  std::string q;
  std::string category;
  std::string query;
  std::vector<std::string> names;
  bool follow = false;
  int attempt = 0;
  cli::JobRequest request;
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
  for (const char* action : {"install", "uninstall", "upgrade", "check"}) {
    auto* sub =
        command(action, "make a job on each server named", [&, action](const cli::Settings& s) {
          request.action = action;
          return cli::SubmitJobs(s, request);
        });
    sub->add_option("app", request.app)->required();
    sub->add_option("-s,--server", request.servers, "may be repeated")->required();
    AddInputs(sub, request);
  }
  auto* jobs = command("jobs", "newest first",
                       [&](const cli::Settings& s) { return cli::ListJobs(s, query); });
  const auto filter = [&](const char* flag, const char* parameter) {
    jobs->add_option_function<std::string>(flag, [&query, parameter](const std::string& value) {
      query += (query.empty() ? "" : "&") + std::string(parameter) + "=" + value;
    });
  };
  filter("--app", "app_id");
  filter("--server", "server_id");
  filter("--status", "status");
  filter("--user", "user");
  filter("--action", "action");
  filter("--limit", "limit");
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
  auto* retry = command("retry", "a new job with the same inputs",
                        [&](const cli::Settings& s) { return cli::RetryJob(s, name, request); });
  retry->add_option("id", name)->required();
  AddInputs(retry, request);
  command("lint", "check installers", [&](const cli::Settings&) { return cli::Lint(names); })
      ->add_option("directory", names)
      ->required();
  command("health", "whether the panel does its work",
          [](const cli::Settings& s) { return cli::ShowHealth(s); });
  command("completion", "completion for bash", [](const cli::Settings&) {
    std::fputs(kCompletion, stdout);
    return cli::ExitStatus::kOk;
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(cli::ExitStatus::kUsage);
  }
  const auto settings = Configure(global);
  if (!settings) return Fail(settings.error().message);
  return static_cast<int>(run(*settings));
}
