#include "panel/api/views.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/event.hpp"
#include "panel/dispatch/agent_identity.hpp"

namespace prov::panel {
namespace {

namespace bj = boost::json;

template <class T>
bj::value OrNull(const std::optional<T>& value) {
  return value ? json::ToValue(*value) : bj::value(nullptr);
}

bj::value TextOrNull(const std::string& text) {
  return text.empty() ? bj::value(nullptr) : bj::value(text);
}

bj::array OutputsJson(const std::vector<job::Output>& outputs) {
  bj::array array;
  for (const auto& output : outputs) {
    bj::object object{{"name", output.name}, {"label", output.label}};
    if (output.sensitive)
      object["sensitive"] = true;
    else
      object["value"] = output.value.value_or("");
    array.push_back(std::move(object));
  }
  return array;
}

bj::array LeftRunningJson(const std::vector<job::LeftRunning>& left) {
  bj::array array;
  for (const auto& process : left) {
    array.push_back(
        bj::object{{"pid", process.pid}, {"comm", process.comm}, {"unit", OrNull(process.unit)}});
  }
  return array;
}

bj::object InputsJson(const job::Record& record) {
  auto inputs = record.inputs;
  for (const auto& name : record.sealed_inputs) inputs[name] = bj::object{{"sealed", true}};
  return inputs;
}

bj::value WaitingJson(const std::optional<Waiting>& waiting) {
  if (!waiting) return nullptr;
  return bj::object{{"kind", json::EnumName(waiting->kind)}, {"message", waiting->message}};
}

bj::value KnownFailureJson(const std::optional<job::FailureFound>& found) {
  if (!found) return nullptr;
  return bj::object{{"title", found->cause},
                    {"remedy", TextOrNull(found->remedy)},
                    {"line", found->line},
                    {"retryable", found->retryable}};
}

bj::array StepsJson(const std::vector<job::Step>& steps) {
  bj::array array;
  for (const auto& step : steps) {
    array.push_back(bj::object{{"name", step.name},
                               {"line", step.line},
                               {"started_at", FormatTime(step.started_at)},
                               {"finished_at", OrNull(step.finished_at)},
                               {"status", json::EnumName(step.status)}});
  }
  return array;
}

bj::value ConditionJson(const contract::Condition& condition) {
  using Kind = contract::Condition::Kind;
  bj::array parts;
  for (const auto& part : condition.parts) parts.push_back(ConditionJson(part));
  switch (condition.kind) {
    case Kind::kEquals: {
      bj::array values(condition.values.begin(), condition.values.end());
      if (values.size() == 1) return bj::object{{condition.input, values.front()}};
      return bj::object{{condition.input, std::move(values)}};
    }
    case Kind::kAll:
      return bj::object{{"all", std::move(parts)}};
    case Kind::kAny:
      return bj::object{{"any", std::move(parts)}};
    case Kind::kNot:
      return bj::object{{"not", parts.empty() ? bj::value(bj::object()) : parts.front()}};
  }
  return nullptr;
}

bj::object ValidationJson(const contract::Validation& rules) {
  bj::object object;
  if (rules.pattern) object["pattern"] = rules.pattern->text();
  if (!rules.pattern_error.empty()) object["pattern_error"] = rules.pattern_error;
  if (rules.min_length) object["min_length"] = *rules.min_length;
  if (rules.max_length) object["max_length"] = *rules.max_length;
  if (rules.min_value) object["min_value"] = *rules.min_value;
  if (rules.max_value) object["max_value"] = *rules.max_value;
  if (!rules.allowed_values.empty()) {
    bj::array values;
    for (const auto& allowed : rules.allowed_values)
      values.push_back(bj::object{{"value", allowed.value}, {"label", allowed.label}});
    object["allowed_values"] = std::move(values);
  }
  return object;
}

bj::object InputJson(const contract::Input& input) {
  bj::object object{{"name", input.name},         {"type", json::EnumName(input.type)},
                    {"label", input.label},       {"description", input.description},
                    {"required", input.required}, {"placeholder", input.placeholder},
                    {"group", input.group},       {"sensitive", input.sensitive},
                    {"generate", input.generate}, {"validation", ValidationJson(input.validation)}};
  if (input.default_value) object["default"] = *input.default_value;
  if (input.visible_if) object["visible_if"] = ConditionJson(*input.visible_if);
  return object;
}

bj::object RequirementsJson(const contract::ResourceRequirements& wanted) {
  bj::object object;
  if (wanted.min_ram_mb) object["min_ram_mb"] = *wanted.min_ram_mb;
  if (wanted.min_disk_mb) object["min_disk_mb"] = *wanted.min_disk_mb;
  if (wanted.min_cpus) object["min_cpus"] = *wanted.min_cpus;
  return object;
}

// What else the agent signed; nothing of one that told nothing yet, or of an older one.
bj::object FurtherFactsJson(const store::Agent& agent) {
  const auto facts = json::Parse<job::Facts>(agent.facts);
  if (!facts) return {};
  bj::object further{{"epoch", agent.epoch},
                     {"epoch_since", FormatTime(facts->epoch.since)},
                     {"epoch_reason", facts->epoch.reason}};
  if (facts->os.id_like && !facts->os.id_like->empty())
    further["os_like"] = fmt::format("{}", fmt::join(*facts->os.id_like, " "));
  return further;
}

bj::object StatisticsJson(const Statistics& statistics) {
  const auto known = statistics.value_or(store::AppStatistics{});
  bj::value usual = nullptr;
  if (known.usual) usual = static_cast<double>(known.usual->count()) / 1000;
  return {{"jobs", known.jobs},
          {"succeeded", known.succeeded},
          {"success_rate", SuccessRate(known.succeeded, known.failed)},
          {"usual_seconds", std::move(usual)},
          {"last_used_at",
           statistics ? bj::value(FormatTime(known.last_used_at)) : bj::value(nullptr)}};
}

}  // namespace

bj::value SuccessRate(std::uint64_t succeeded, std::uint64_t failed) {
  if (succeeded + failed == 0) return nullptr;
  return static_cast<double>(succeeded) / static_cast<double>(succeeded + failed);
}

bj::object JobJson(const job::Record& record, const std::optional<Waiting>& waiting,
                   bj::storage_ptr storage) {
  return bj::object({{"id", record.id.ToString()},
                     {"app_id", record.app_id},
                     {"app_version", record.app_version},
                     {"installer_digest", record.installer_digest},
                     {"server_id", record.server_id},
                     {"action", json::EnumName(record.action)},
                     {"status", json::EnumName(record.status)},
                     {"status_reason", OrNull(record.status_reason)},
                     {"attempt", record.attempt},
                     {"max_attempts", record.retry.max_attempts},
                     {"next_attempt_at", OrNull(record.next_attempt_at)},
                     {"exit_code", OrNull(record.exit_code)},
                     {"signal", OrNull(record.signal)},
                     {"failure_kind", OrNull(record.failure_kind)},
                     {"needs_attention", record.needs_attention},
                     {"progress", OrNull(record.progress)},
                     {"message", OrNull(record.message)},
                     {"created_at", FormatTime(record.created_at)},
                     {"dispatched_at", OrNull(record.dispatched_at)},
                     {"started_at", OrNull(record.started_at)},
                     {"finished_at", OrNull(record.finished_at)},
                     {"cancel_requested_at", OrNull(record.cancel_requested_at)},
                     {"inputs", InputsJson(record)},
                     {"outputs", OutputsJson(record.outputs)},
                     {"left_running", LeftRunningJson(record.left_running)},
                     {"user_id", record.user_id},
                     {"claimed_user_id", OrNull(record.claimed_user_id)},
                     {"origin", record.origin == job::Origin::kPanel ? "api" : "external"},
                     {"retry_of", OrNull(record.retry_of)},
                     {"log",
                      {{"lines", record.log.lines},
                       {"bytes", record.log.bytes},
                       {"complete", record.log.complete},
                       {"dropped_bytes", record.log.dropped_bytes},
                       {"sha256", OrNull(record.log.sha256)},
                       {"removed_at", OrNull(record.log_removed_at)}}},
                     {"queue_position", waiting ? OrNull(waiting->queue_position) : bj::value()},
                     {"waiting_for", WaitingJson(waiting)},
                     {"known_failure", KnownFailureJson(record.known_failure)},
                     {"steps", StepsJson(record.steps)}},
                    std::move(storage));
}

std::string JobText(const job::Record& record, const std::optional<Waiting>& waiting) {
  std::array<unsigned char, 8192> memory;  // more is taken where a job needs it
  bj::monotonic_resource resource(memory.data(), memory.size());
  return bj::serialize(JobJson(record, waiting, &resource));
}

bj::object ServerJson(const ServerView& server) {
  // What the agent signed; read leniently, since an older one may know fewer members.
  const auto facts = json::ParseText(server.agent.facts);
  const auto* object = facts ? facts->if_object() : nullptr;
  const auto fact = [&](std::string_view name) -> bj::value {
    const auto* value = object != nullptr ? object->if_contains(name) : nullptr;
    return value != nullptr ? *value : bj::value(nullptr);
  };
  auto os = fact("os");
  if (os.is_object()) os.get_object().erase("id_like");  // among the further facts
  auto containment = fact("containment");
  if (containment.is_string() && containment.get_string().empty()) containment = nullptr;
  const auto running = fact("running_jobs");
  bj::array warnings;
  if (server.agent.cloned) warnings.emplace_back(ClonedError(server.agent).message);
  if (!server.agent.refused.empty()) warnings.emplace_back(RefusedWarning(server.agent));
  for (const auto& warning : server.agent.warnings) warnings.emplace_back(warning);
  return {{"id", server.agent.id},
          {"status", json::EnumName(server.status)},
          {"last_seen_at", OrNull(server.last_seen_at)},
          {"agent_version", fact("agent_version")},
          {"os", std::move(os)},
          {"cpus", fact("cpus")},
          {"memory_mb", fact("memory_mb")},
          {"memory_available_mb", fact("memory_available_mb")},
          {"disk_free_mb", fact("disk_free_mb")},
          {"containment", std::move(containment)},
          {"queue_depth", server.queue_depth},
          {"running_jobs", running.is_number() ? running : bj::value(0)},
          {"warnings", std::move(warnings)},
          {"facts", FurtherFactsJson(server.agent)}};
}

bj::object AuditJson(const store::AuditEntry& entry) {
  const auto& event = entry.event;
  const auto* address = event.detail.if_contains("address");
  return {{"id", std::to_string(entry.sequence)},
          {"at", FormatTime(event.at)},
          {"user", event.user_id},
          {"action", event.action},
          {"object", event.subject},
          {"detail", entry.detail_text},
          {"ip", address != nullptr && address->is_string() ? *address : bj::value(nullptr)}};
}

bj::object InstalledJson(const job::Record& record) {
  return {{"app_id", record.app_id},
          {"app_version", record.app_version},
          {"installer_digest", record.installer_digest},
          {"inputs", InputsJson(record)},
          {"job_id", record.id.ToString()},
          {"installed_at", FormatTime(record.finished_at.value_or(record.created_at))}};
}

bj::object InstallerSummaryJson(const Installer& installer, const Statistics& statistics) {
  static const contract::Manifest kNone;
  const auto& manifest = installer.manifest ? *installer.manifest : kNone;
  bj::array tags;
  for (const auto& tag : manifest.tags) tags.emplace_back(tag);
  bj::array errors;
  for (const auto& fault : installer.faults) errors.push_back(json::ToValue(fault));
  return {{"id", installer.id},
          {"name", installer.manifest ? manifest.name : installer.id},
          {"version", manifest.version},
          {"description", manifest.description},
          {"category", manifest.category},
          {"tags", std::move(tags)},
          {"icon", installer.icon.empty()
                       ? bj::value(nullptr)
                       : bj::value("data:image/svg+xml;base64," + Base64Encode(installer.icon))},
          {"digest", TextOrNull(installer.digest)},
          {"valid", installer.manifest.has_value()},
          {"errors", std::move(errors)},
          {"statistics", StatisticsJson(statistics)}};
}

bj::object InstallerJson(const Installer& installer, const Statistics& statistics) {
  static const contract::Manifest kNone = [] {
    contract::Manifest none;
    none.timeout_seconds = 1;
    return none;
  }();
  const auto& manifest = installer.manifest ? *installer.manifest : kNone;
  auto object = InstallerSummaryJson(installer, statistics);
  bj::array inputs;
  for (const auto& input : manifest.inputs) inputs.push_back(InputJson(input));
  bj::array actions;
  for (const auto action : manifest.actions) actions.emplace_back(json::EnumName(action));
  bj::array outputs;
  for (const auto& output : manifest.outputs) {
    outputs.push_back(bj::object{
        {"name", output.name}, {"label", output.label}, {"sensitive", output.sensitive}});
  }
  bj::object os{{"family", bj::value_from(manifest.os_requirements.families)},
                {"min_version", bj::value_from(manifest.os_requirements.min_version)},
                {"architectures", bj::value_from(manifest.os_requirements.architectures)}};
  object["inputs"] = std::move(inputs);
  object["os_requirements"] = std::move(os);
  object["resource_requirements"] = RequirementsJson(manifest.resource_requirements);
  object["timeout_seconds"] = manifest.timeout_seconds;
  object["idempotent"] = manifest.idempotent;
  object["actions"] = std::move(actions);
  object["outputs"] = std::move(outputs);
  object["readme"] = TextOrNull(installer.readme);
  return object;
}

}  // namespace prov::panel
