// provisionctl's commands.
#pragma once

#include <string>
#include <vector>

#include "cli/api_client.hpp"

namespace prov::cli {

enum class Output { kTable, kJson, kYaml };

struct Settings {
  ApiOptions api;
  Output output = Output::kTable;
  bool colours = false;
};

struct JobRequest {
  std::string app;
  std::vector<std::string> servers;
  std::string action = "install";
  std::vector<std::string> inputs;       // name=value
  std::vector<std::string> input_files;  // name=FILE
  std::vector<std::string> secrets;      // names asked for at the terminal, or on standard input
  bool insecure_argv = false;
  bool follow = false;
  std::string idempotency_key;
};

ExitStatus ListApps(const Settings& settings, const std::string& q, const std::string& category);
ExitStatus ShowApp(const Settings& settings, const std::string& app);
ExitStatus ListServers(const Settings& settings);
ExitStatus ShowServer(const Settings& settings, const std::string& server);
ExitStatus SubmitJobs(const Settings& settings, const JobRequest& request);
ExitStatus ListJobs(const Settings& settings, const std::string& query);
ExitStatus ShowJob(const Settings& settings, const std::string& job);
ExitStatus ShowLog(const Settings& settings, const std::string& job, bool follow, int attempt);
ExitStatus CancelJob(const Settings& settings, const std::string& job);
ExitStatus RetryJob(const Settings& settings, const std::string& job, const JobRequest& request);
ExitStatus ShowHealth(const Settings& settings);
ExitStatus Lint(const std::vector<std::string>& directories);

}  // namespace prov::cli
