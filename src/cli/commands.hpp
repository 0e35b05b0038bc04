// provisionctl's commands.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/api_client.hpp"
#include "cli/inputs.hpp"

namespace prov::cli {

enum class Output { kTable, kJson, kYaml };

struct Settings {
  ApiOptions api;
  Output output = Output::kTable;
  bool colours = false;
  bool timestamps = false;  // before each line that is followed
};

struct JobRequest {
  std::string app;
  std::vector<std::string> servers;
  std::string action = "install";
  GivenInputs inputs;
  bool follow = false;
  std::string idempotency_key;
};

struct JobFilter {
  std::vector<std::pair<std::string, std::string>> parameters;  // of GET /api/jobs, not escaped
  int limit = 50;
  bool all = false;  // every page
};

ExitStatus ListApps(const Settings& settings, const std::string& q, const std::string& category);
ExitStatus ShowApp(const Settings& settings, const std::string& app);
ExitStatus ListServers(const Settings& settings);
ExitStatus ShowServer(const Settings& settings, const std::string& server);
// Whether it takes up new jobs.
ExitStatus DrainServer(const Settings& settings, const std::string& server, bool on);
// The line that makes the server's user in Redis, to be run there.
ExitStatus ShowRedisAcl(const Settings& settings, const std::string& server);
// The definitions that make a server's user in RabbitMQ, for `rabbitmqctl import_definitions`.
ExitStatus ShowAmqpUser(const Settings& settings, const std::string& server);
// One job on each server, in turn. With -o json or yaml: the job, or {"items"} of several; with
// `follow` and -o json each frame of the stream on a line of its own, then each job on one.
ExitStatus SubmitJobs(const Settings& settings, const JobRequest& request);
ExitStatus ListJobs(const Settings& settings, const JobFilter& filter);
ExitStatus ShowJob(const Settings& settings, const std::string& job);
ExitStatus ShowLog(const Settings& settings, const std::string& job, bool follow, int attempt);
ExitStatus CancelJob(const Settings& settings, const std::string& job);
// The attempt that the job waits for begins now.
ExitStatus RetryJobNow(const Settings& settings, const std::string& job);
ExitStatus RetryJob(const Settings& settings, const std::string& job, const JobRequest& request);
ExitStatus ShowHealth(const Settings& settings);

enum class LintFormat { kText, kJson, kSarif };
// kUsage when an error was found; with `strict` a warning counts too.
ExitStatus Lint(const std::vector<std::string>& directories, LintFormat format, bool strict);

}  // namespace prov::cli
