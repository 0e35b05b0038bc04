#include "cli/commands.hpp"

#include <cstdio>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/follow.hpp"
#include "cli/prompt.hpp"
#include "cli/show.hpp"
#include "cli/terminal.hpp"

namespace prov::cli {
namespace {

namespace bj = boost::json;

const std::vector<std::string> kJobColumns = {"id",     "app_id",  "server_id",  "action",
                                              "status", "attempt", "created_at", "user_id"};

std::string WithParameter(const std::string& target, std::string_view name,
                          std::string_view value) {
  return target + (target.find('?') == std::string::npos ? "?" : "&") + std::string(name) + "=" +
         Escaped(value);
}

// Every page of a list as one.
OrFailure<bj::value> GetAll(ApiClient& api, const std::string& target) {
  const auto base = WithParameter(target, "limit", "200");
  bj::array items;
  auto next = base;
  for (;;) {
    auto page = api.Get(next);
    if (!page) return page.error();
    auto& object = page->as_object();
    for (auto& item : object["items"].as_array()) items.push_back(std::move(item));
    if (!object["next_cursor"].is_string()) break;
    next = WithParameter(base, "cursor", object["next_cursor"].get_string());
  }
  return bj::value(bj::object{{"items", std::move(items)}});
}

ExitStatus List(const Settings& settings, const std::string& target,
                const std::vector<std::string>& columns) {
  ApiClient api(settings.api);
  const auto all = GetAll(api, target);
  if (!all) return Fail(all.error());
  Show(settings, *all, columns);
  return ExitStatus::kOk;
}

ExitStatus ShowOne(const Settings& settings, const std::string& target) {
  ApiClient api(settings.api);
  const auto one = api.Get(target);
  if (!one) return Fail(one.error());
  Show(settings, *one, {});
  return ExitStatus::kOk;
}

// Its `field` as it is, to be piped on; the whole where an output is asked for.
ExitStatus ShowText(const Settings& settings, const std::string& target, std::string_view field) {
  if (settings.output != Output::kTable) return ShowOne(settings, target);
  ApiClient api(settings.api);
  const auto found = api.Get(target);
  if (!found) return Fail(found.error());
  Print(Cell(*found, field) + "\n");
  return ExitStatus::kOk;
}

// The jobs just made: their ids, or what the panel said of them.
void ShowMade(const Settings& settings, const bj::array& jobs) {
  if (settings.output == Output::kTable) {
    for (const auto& job : jobs) Print(Cell(job, "id") + "\n");
  } else if (jobs.size() == 1) {
    Show(settings, jobs.front(), {});
  } else if (!jobs.empty()) {
    Show(settings, bj::object{{"items", jobs}}, kJobColumns);
  }
}

ExitStatus FollowMade(ApiClient& api, const Settings& settings, const bj::array& jobs) {
  std::vector<std::string> ids;
  for (const auto& job : jobs) {
    ids.push_back(Cell(job, "id"));
    std::fprintf(stderr, "job %s on %s\n", ids.back().c_str(), Cell(job, "server_id").c_str());
  }
  return ids.empty() ? ExitStatus::kOk : Follow(api, settings, ids);
}

OrFailure<bj::object> InputsFor(ApiClient& api, const JobRequest& request) {
  const auto app = api.Get("/api/installers/" + Escaped(request.app));
  if (!app) return app.error();
  const auto known = InputsOf(*app);
  auto inputs = ReadInputs(request.inputs, known);
  const bool needs_all = request.action == "install" || request.action == "upgrade";
  if (!inputs || !needs_all || !request.inputs.may_ask || !CanAsk()) return inputs;
  return AskInputs(api, Escaped(request.app), known, std::move(*inputs));
}

}  // namespace

ExitStatus ListApps(const Settings& settings, const std::string& q, const std::string& category) {
  auto target = WithParameter("/api/installers", "q", q);
  if (!category.empty()) target = WithParameter(target, "category", category);
  return List(settings, target, {"id", "version", "category", "valid", "description"});
}

ExitStatus ShowApp(const Settings& settings, const std::string& app) {
  return ShowOne(settings, "/api/installers/" + Escaped(app));
}

ExitStatus ListServers(const Settings& settings) {
  return List(settings, "/api/servers",
              {"id", "status", "last_seen_at", "agent_version", "queue_depth", "running_jobs"});
}

ExitStatus ShowServer(const Settings& settings, const std::string& server) {
  return ShowOne(settings, "/api/servers/" + Escaped(server));
}

ExitStatus ShowRedisAcl(const Settings& settings, const std::string& server) {
  return ShowText(settings, "/api/servers/" + Escaped(server) + "/redis-acl", "rule");
}

ExitStatus ShowAmqpUser(const Settings& settings, const std::string& server) {
  return ShowText(settings, "/api/servers/" + Escaped(server) + "/amqp-user", "definitions");
}

ExitStatus SubmitJobs(const Settings& settings, const JobRequest& request) {
  ApiClient api(settings.api);
  const auto inputs = InputsFor(api, request);
  if (!inputs) return Fail(inputs.error());
  auto worst = ExitStatus::kOk;
  bj::array made;
  for (const auto& server : request.servers) {
    // One key for several servers would be one job.
    auto key = request.idempotency_key;
    if (!key.empty() && request.servers.size() > 1) key += "/" + server;
    auto job = api.Post("/api/jobs",
                        bj::object{{"app_id", request.app},
                                   {"server_id", server},
                                   {"inputs", *inputs},
                                   {"action", request.action}},
                        key);
    if (job)
      made.push_back(std::move(*job));
    else
      worst = Worse(worst, Fail(job.error()));
  }
  if (request.follow) return Worse(worst, FollowMade(api, settings, made));
  ShowMade(settings, made);
  return worst;
}

ExitStatus ListJobs(const Settings& settings, const JobFilter& filter) {
  std::string target = "/api/jobs";
  for (const auto& [name, value] : filter.parameters) target = WithParameter(target, name, value);
  if (filter.all) return List(settings, target, kJobColumns);
  ApiClient api(settings.api);
  const auto page = api.Get(WithParameter(target, "limit", std::to_string(filter.limit)));
  if (!page) return Fail(page.error());
  Show(settings, *page, kJobColumns);
  return ExitStatus::kOk;
}

ExitStatus ShowJob(const Settings& settings, const std::string& job) {
  return ShowOne(settings, "/api/jobs/" + Escaped(job));
}

ExitStatus ShowLog(const Settings& settings, const std::string& job, bool follow, int attempt) {
  ApiClient api(settings.api);
  if (follow) return Follow(api, settings, {Escaped(job)});
  auto target = "/api/jobs/" + Escaped(job) + "/log";
  if (attempt > 0) target = WithParameter(target, "attempt", std::to_string(attempt));
  const auto text = api.GetText(target);
  if (!text) return Fail(text.error());
  Print(isatty(STDOUT_FILENO) != 0 ? Harmless(*text) : *text);
  return ExitStatus::kOk;
}

ExitStatus DrainServer(const Settings& settings, const std::string& server, bool on) {
  ApiClient api(settings.api);
  const auto asked =
      api.Post("/api/servers/" + Escaped(server) + (on ? "/drain" : "/resume"), nullptr);
  if (!asked) return Fail(asked.error());
  if (settings.output != Output::kTable)
    Show(settings, *asked, {});
  else if (on)
    Print("asked to take up no new job; those under way go on to their end\n");
  else
    Print("asked to take up jobs again\n");
  return ExitStatus::kOk;
}

ExitStatus CancelJob(const Settings& settings, const std::string& job) {
  ApiClient api(settings.api);
  const auto canceled = api.Post("/api/jobs/" + Escaped(job) + "/cancel", nullptr);
  if (!canceled) return Fail(canceled.error());
  if (settings.output != Output::kTable) {
    Show(settings, *canceled, {});
  } else if (Cell(*canceled, "status") == "canceled") {
    Print("canceled\n");
  } else {
    Print("asked to cancel; the server decides whether it finished first\n");
  }
  return ExitStatus::kOk;
}

ExitStatus RetryJobNow(const Settings& settings, const std::string& job) {
  ApiClient api(settings.api);
  const auto hurried = api.Post("/api/jobs/" + Escaped(job) + "/retry-now", nullptr);
  if (!hurried) return Fail(hurried.error());
  if (settings.output != Output::kTable)
    Show(settings, *hurried, {});
  else
    Print("asked to try again now\n");
  return ExitStatus::kOk;
}

ExitStatus RetryJob(const Settings& settings, const std::string& job, const JobRequest& request) {
  ApiClient api(settings.api);
  const auto old = api.Get("/api/jobs/" + Escaped(job));
  if (!old) return Fail(old.error());
  // What is sensitive is known of the application; one that has gone since leaves the refusal to
  // the panel, and no secret on the command line.
  const auto app = api.Get("/api/installers/" + Escaped(Cell(*old, "app_id")));
  if (!app) return Fail(app.error());
  const auto inputs = ReadInputs(request.inputs, InputsOf(*app));
  if (!inputs) return Fail(inputs.error());
  auto made = api.Post("/api/jobs/" + Escaped(job) + "/retry", bj::object{{"inputs", *inputs}},
                       request.idempotency_key);
  if (!made) return Fail(made.error());
  bj::array jobs{std::move(*made)};
  if (request.follow) return FollowMade(api, settings, jobs);
  ShowMade(settings, jobs);
  return ExitStatus::kOk;
}

ExitStatus ShowHealth(const Settings& settings) { return ShowOne(settings, "/api/health"); }

}  // namespace prov::cli
