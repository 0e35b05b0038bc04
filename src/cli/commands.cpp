#include "cli/commands.hpp"

#include <cstdio>
#include <iostream>
#include <map>
#include <termios.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/json.hpp"
#include "cli/terminal.hpp"
#include "contract/manifest_loader.hpp"

namespace prov::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMaxInputBytes = 128 * 1024;

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

ExitStatus Fail(const Failure& failure) {
  std::fprintf(stderr, "provisionctl: %s\n", Harmless(failure.message).c_str());
  return failure.status;
}

// A member as a cell of a table.
std::string Cell(const bj::value& object, std::string_view name) {
  const auto* members = object.if_object();
  const auto* value = members != nullptr ? members->if_contains(name) : nullptr;
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return Harmless(value->get_string());
  return Harmless(json::Serialize(*value));
}

void Show(const Settings& settings, const bj::value& value,
          const std::vector<std::string>& columns) {
  if (settings.output == Output::kJson) return Print(PrettyJson(value));
  if (settings.output == Output::kYaml) return Print(Yaml(value));
  const auto* items = value.is_object() ? value.get_object().if_contains("items") : nullptr;
  if (items != nullptr && items->is_array()) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& item : items->get_array()) {
      auto& row = rows.emplace_back();
      for (const auto& column : columns) row.push_back(Cell(item, column));
    }
    return Print(Table(columns, rows));
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, member] : value.as_object())
    rows.push_back({std::string(name), Cell(value, name)});
  Print(Table({"FIELD", "VALUE"}, rows));
}

// Every page of a list as one.
OrFailure<bj::value> GetAll(ApiClient& api, std::string target) {
  const auto base = target + (target.find('?') == std::string::npos ? "?" : "&");
  bj::array items;
  target = base + "limit=200";
  for (;;) {
    auto page = api.Get(target);
    if (!page) return page.error();
    auto& object = page->as_object();
    for (auto& item : object["items"].as_array()) items.push_back(std::move(item));
    if (!object["next_cursor"].is_string()) break;
    target = base + "limit=200&cursor=" + std::string(object["next_cursor"].as_string());
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

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const unsigned char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_')
      escaped += static_cast<char>(c);
    else
      escaped += fmt::format("%{:02X}", c);
  }
  return escaped;
}

// Not shown while it is typed; from a pipe, one line each.
std::string AskSecret(const std::string& name) {
  const bool terminal = isatty(STDIN_FILENO) != 0;
  termios before{};
  if (terminal) {
    tcgetattr(STDIN_FILENO, &before);
    auto silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &silent);
    std::fprintf(stderr, "%s: ", name.c_str());
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::fputs("\n", stderr);
  }
  return line;
}

struct KnownInput {
  std::string type;
  bool sensitive = false;
};

std::map<std::string, KnownInput> InputsOf(const bj::value& app) {
  std::map<std::string, KnownInput> inputs;
  for (const auto& each : app.at("inputs").as_array()) {
    inputs[std::string(each.at("name").as_string())] = {std::string(each.at("type").as_string()),
                                                        each.at("sensitive").as_bool()};
  }
  return inputs;
}

Failure Usage(std::string sentence) { return {ExitStatus::kUsage, std::move(sentence)}; }

// The values as the API takes them: texts, which it reads exactly, and lists for multiselects.
OrFailure<bj::object> ReadInputs(const JobRequest& request,
                                 const std::map<std::string, KnownInput>& known) {
  bj::object inputs;
  const auto put = [&](const std::string& name, std::string value) {
    const auto found = known.find(name);
    if (found == known.end() || found->second.type != "multiselect") {
      inputs[name] = value;
      return;
    }
    bj::array list;
    for (std::size_t at = 0; at < value.size();) {
      const auto end = std::min(value.find(',', at), value.size());
      list.emplace_back(value.substr(at, end - at));
      at = end + 1;
    }
    inputs[name] = std::move(list);
  };
  for (const auto& each : request.inputs) {
    const auto equals = each.find('=');
    if (equals == std::string::npos || equals == 0)
      return Usage("`" + each + "` is not NAME=VALUE");
    const auto name = each.substr(0, equals);
    const auto found = known.find(name);
    if (found != known.end() && found->second.sensitive && !request.insecure_argv) {
      return Usage(
          fmt::format("{0} is sensitive, and every user of this machine can read a "
                      "command line: use --secret {0}, or --input-file {0}=FILE",
                      name));
    }
    put(name, each.substr(equals + 1));
  }
  for (const auto& each : request.input_files) {
    const auto equals = each.find('=');
    if (equals == std::string::npos || equals == 0) return Usage("`" + each + "` is not NAME=FILE");
    auto text = ReadFile(each.substr(equals + 1), kMaxInputBytes);
    if (!text) return Usage(text.error().ToString());
    const auto name = each.substr(0, equals);
    const auto found = known.find(name);
    // An editor's newline is not part of a value that cannot have one.
    if (text->ends_with('\n') && (found == known.end() || found->second.type != "text"))
      text->pop_back();
    put(name, std::move(*text));
  }
  for (const auto& name : request.secrets) put(name, AskSecret(name));
  return inputs;
}

// Shows a job's output as it comes, and says how it ended.
class Watcher {
 public:
  explicit Watcher(const Settings& settings) : settings_(settings) {}

  bool Take(const net::SseEvent& event) {
    const auto frame = json::ParseText(event.data);
    if (!frame || !frame->is_object()) return true;
    const auto& object = frame->get_object();
    const auto text = [&](std::string_view name) {
      const auto* value = object.if_contains(name);
      return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
    };
    const auto status = text("status");
    if (const auto output = text("output"); !output.empty()) {
      Print(Harmless(output));
      if (!output.ends_with('\n')) Print("\n");
    }
    std::fflush(stdout);  // what was said before stands before
    if (status != status_) {
      std::fprintf(stderr, "%s\n",
                   Paint(ColourOf(status), "-- " + Harmless(status), settings_.colours).c_str());
      status_ = status;
    }
    return true;
  }

 private:
  const Settings& settings_;
  std::string status_;
};

ExitStatus Follow(ApiClient& api, const Settings& settings, const std::string& job) {
  Watcher watcher(settings);
  const auto followed =
      api.Follow(job, [&](const net::SseEvent& event) { return watcher.Take(event); });
  if (!followed) {
    std::fprintf(stderr, "The job goes on without us: provisionctl logs -f %s\n", job.c_str());
    return Fail(followed.error());
  }
  const auto ended = api.Get("/api/jobs/" + job);
  if (!ended) return Fail(ended.error());
  const auto status = Cell(*ended, "status");
  auto line = fmt::format("{} {} on {}: {}", Cell(*ended, "action"), Cell(*ended, "app_id"),
                          Cell(*ended, "server_id"), status);
  if (const auto reason = Cell(*ended, "status_reason"); reason != "-") line += ": " + reason;
  std::fprintf(stderr, "%s\n", Paint(ColourOf(status), line, settings.colours).c_str());
  for (const auto& output : ended->at("outputs").as_array())
    std::fprintf(stderr, "  %s = %s\n", Cell(output, "label").c_str(),
                 Cell(output, "value").c_str());
  return StatusOf(status);
}

}  // namespace

ExitStatus ListApps(const Settings& settings, const std::string& q, const std::string& category) {
  std::string target = "/api/installers?q=" + Escaped(q);
  if (!category.empty()) target += "&category=" + Escaped(category);
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

ExitStatus SubmitJobs(const Settings& settings, const JobRequest& request) {
  ApiClient api(settings.api);
  const auto app = api.Get("/api/installers/" + Escaped(request.app));
  if (!app) return Fail(app.error());
  const auto inputs = ReadInputs(request, InputsOf(*app));
  if (!inputs) return Fail(inputs.error());
  auto worst = ExitStatus::kOk;
  std::vector<std::string> made;
  for (const auto& server : request.servers) {
    // One key for several servers would be one job.
    auto key = request.idempotency_key;
    if (!key.empty() && request.servers.size() > 1) key += "/" + server;
    const auto job = api.Post("/api/jobs",
                              bj::object{{"app_id", request.app},
                                         {"server_id", server},
                                         {"inputs", *inputs},
                                         {"action", request.action}},
                              key);
    if (!job) {
      worst = Fail(job.error());
      continue;
    }
    made.push_back(Cell(*job, "id"));
    if (!request.follow && settings.output != Output::kTable) Show(settings, *job, {});
    if (!request.follow && settings.output == Output::kTable) Print(made.back() + "\n");
  }
  if (!request.follow) return worst;
  for (const auto& job : made) {
    std::fprintf(stderr, "job %s\n", job.c_str());
    const auto status = Follow(api, settings, job);
    if (status != ExitStatus::kOk) worst = status;
  }
  return worst;
}

ExitStatus ListJobs(const Settings& settings, const std::string& query) {
  ApiClient api(settings.api);
  const auto page = api.Get("/api/jobs" + (query.empty() ? "" : "?" + query));
  if (!page) return Fail(page.error());
  Show(settings, *page,
       {"id", "app_id", "server_id", "action", "status", "attempt", "created_at", "user_id"});
  return ExitStatus::kOk;
}

ExitStatus ShowJob(const Settings& settings, const std::string& job) {
  return ShowOne(settings, "/api/jobs/" + Escaped(job));
}

ExitStatus ShowLog(const Settings& settings, const std::string& job, bool follow, int attempt) {
  ApiClient api(settings.api);
  if (follow) return Follow(api, settings, Escaped(job));
  auto target = "/api/jobs/" + Escaped(job) + "/log";
  if (attempt > 0) target += fmt::format("?attempt={}", attempt);
  const auto text = api.GetText(target);
  if (!text) return Fail(text.error());
  Print(isatty(STDOUT_FILENO) != 0 ? Harmless(*text) : *text);
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

ExitStatus RetryJob(const Settings& settings, const std::string& job, const JobRequest& request) {
  ApiClient api(settings.api);
  const auto inputs = ReadInputs(request, {});
  if (!inputs) return Fail(inputs.error());
  const auto made = api.Post("/api/jobs/" + Escaped(job) + "/retry",
                             bj::object{{"inputs", *inputs}}, request.idempotency_key);
  if (!made) return Fail(made.error());
  if (request.follow) return Follow(api, settings, Cell(*made, "id"));
  if (settings.output == Output::kTable)
    Print(Cell(*made, "id") + "\n");
  else
    Show(settings, *made, {});
  return ExitStatus::kOk;
}

ExitStatus ShowHealth(const Settings& settings) { return ShowOne(settings, "/api/health"); }

ExitStatus Lint(const std::vector<std::string>& directories) {
  bool bad = false;
  for (const auto& each : directories) {
    const auto directory = std::filesystem::absolute(each).lexically_normal();
    contract::DirectoryFacts facts;
    facts.name = (directory.has_filename() ? directory : directory.parent_path()).filename();
    std::error_code fault;
    for (std::filesystem::directory_iterator file(directory, fault), end; !fault && file != end;
         file.increment(fault)) {
      if (file->is_regular_file()) facts.files.insert(file->path().filename());
    }
    const auto path = (Path(each) / "manifest.yml").string();
    const auto text = ReadFile(path, contract::kMaxManifestBytes);
    if (!text) {
      std::printf("%s:1:1: error manifest %s\n", path.c_str(), text.error().message.c_str());
      bad = true;
      continue;
    }
    const auto loaded = contract::ParseManifest(path, *text, &facts);
    for (const auto& found : loaded.faults) {
      std::printf("%s:%d:%d: error manifest %s%s\n", found.file.c_str(), found.line, found.column,
                  found.path.empty() ? "" : (found.path + ": ").c_str(),
                  Harmless(found.message).c_str());
      bad = true;
    }
    if (loaded.manifest && loaded.manifest->bare_min_version) {
      std::printf(
          "%s:1:1: warning bare-min-version min_version is one text for several families "
          "and binds the first only\n",
          path.c_str());
    }
  }
  return bad ? ExitStatus::kUsage : ExitStatus::kOk;
}

}  // namespace prov::cli
