#include "agent/executor/intake.hpp"

#include <set>
#include <sys/statvfs.h>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "contract/manifest_loader.hpp"
#include "exec/spool.hpp"
#include "job/grammar.hpp"
#include "signing/dsse.hpp"
#include "signing/replay_window.hpp"
#include "signing/sealed.hpp"
#include "signing/tree_digest.hpp"

namespace prov::agent {
namespace {

// A log of 64 MiB, the exit record and a margin: with less the result might not fit.
constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{96} << 20;

Refusal Rejected(std::string_view code, std::string_view sentence) {
  return {job::Status::kRejected, fmt::format("{}: {}", code, sentence)};
}

std::optional<Refusal> CheckTimes(const job::Order& order, WallTime now) {
  if (const auto valid =
          signing::CheckValidity(order.issued_at, order.not_before, order.expires_at, now);
      !valid) {
    if (now - signing::kClockSkew >= order.expires_at)
      return Refusal{job::Status::kExpired, "expired: " + valid.error().message};
    return Rejected("not_valid", valid.error().message + "; is the clock of this server right?");
  }
  return std::nullopt;
}

std::optional<Refusal> CheckWhitelist(const AgentConfiguration& configuration,
                                      const job::Order& order) {
  const auto& apps = configuration.allow_apps;
  if (!apps.empty() && std::ranges::find(apps, order.app_id) == apps.end())
    return Rejected("app_not_allowed", "allow_apps of this server does not name " + order.app_id);
  const auto& actions = configuration.allow_actions;
  if (!actions.empty() && !actions.contains(order.action)) {
    return Rejected("action_not_allowed",
                    "allow_actions of this server does not name " + json::EnumName(order.action));
  }
  std::error_code fault;
  if (!std::filesystem::is_directory(
          std::filesystem::symlink_status(configuration.installers_dir / order.app_id, fault))) {
    return Rejected("unknown_app",
                    fmt::format("this server has no installer {} in {}", order.app_id,
                                configuration.installers_dir.string()));
  }
  if (!configuration.allow_unsafe_installers_dir) {
    if (const auto owned = CheckOwnership(configuration.installers_dir / order.app_id); !owned)
      return Rejected("unsafe_installers_dir", owned.error().message);
  }
  if (const auto owned = CheckLibrary(configuration); !owned)
    return Rejected("unsafe_library", owned.error().message);
  return std::nullopt;
}

std::optional<Refusal> CheckRoom(const exec::StatePaths& state) {
  struct statvfs disk{};
  if (statvfs(state.root.c_str(), &disk) != 0)
    return Rejected("no_room", ErrnoError("cannot look at the state directory").message);
  const auto free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free >= kLeastFreeBytes) return std::nullopt;
  return Rejected("no_room",
                  fmt::format("{} has {} MiB free, and the job's log and result may need {}",
                              state.root.string(), free >> 20, kLeastFreeBytes >> 20));
}

// What was verified is what will run: the store copied it while it was hashed.
std::optional<Refusal> TakeInstaller(const AgentConfiguration& configuration,
                                     InstallerStore& installers, const job::Order& order) {
  signing::TreeLimits limits;
  limits.only_roots = !configuration.allow_unsafe_installers_dir;
  const auto digest =
      installers.Take(configuration.installers_dir / order.app_id, order.installer_digest, limits);
  if (digest && *digest == order.installer_digest) return std::nullopt;
  if (!digest && digest.error().code == ErrorCode::kPermissionDenied)
    return Rejected("unsafe_installers_dir", digest.error().message);
  if (!digest) return Rejected("installer_unreadable", digest.error().ToString());
  return Rejected("installer_mismatch",
                  fmt::format("the job was made for {} {} with digest {}, and this server has {}",
                              order.app_id, order.app_version, order.installer_digest, *digest));
}

Result<contract::Manifest> LoadManifest(const Path& installer, const std::string& app_id) {
  contract::DirectoryFacts facts;
  facts.name = app_id;
  std::error_code fault;
  for (std::filesystem::directory_iterator each(installer, fault), end; !fault && each != end;
       each.increment(fault)) {
    if (each->is_regular_file(fault)) facts.files.insert(each->path().filename().string());
  }
  if (fault) return ErrnoError("cannot list " + installer.string(), fault.value());
  PROV_TRY(const auto text, ReadFile(installer / "manifest.yml", contract::kMaxManifestBytes));
  auto loaded = contract::ParseManifest("manifest.yml", text, &facts);
  if (loaded.manifest) return std::move(*loaded.manifest);
  return Error{ErrorCode::kInvalidArgument, loaded.faults.front().ToString(), {}};
}

std::string Sentences(const std::vector<contract::InputError>& errors) {
  std::string all;
  for (const auto& error : errors)
    all += (all.empty() ? "" : "; ") + error.field + " " + error.message;
  return all;
}

std::optional<Refusal> CheckManifest(const IntakeContext& context, const PreparedJob& prepared) {
  const auto& [order, manifest] = prepared;
  if (!manifest.Supports(order.action)) {
    return Rejected("action_not_supported",
                    order.app_id + " has no script for " + json::EnumName(order.action));
  }
  const auto errors = CheckPlainInputs(manifest, order, context.remembered);
  if (!errors.empty()) return Rejected("invalid_input", Sentences(errors));
  std::vector<std::string> reasons;
  for (auto& unmet : contract::CheckMachine(manifest, context.machine))
    reasons.push_back(std::move(unmet.message));
  if (reasons.empty()) return std::nullopt;
  return Rejected("unsuitable_server", fmt::format("{}", fmt::join(reasons, "; ")));
}

// Where the journal does not hold it.
Status KeepEnvelope(const exec::StatePaths& state, const job::Order& order,
                    std::string_view envelope) {
  if (order.sealed_inputs.empty()) return {};
  PROV_CHECK(exec::MakeJob(state, order.job));
  PROV_CHECK(WriteFileAtomically(state.Envelope(order.job), envelope, 0600));
  return SyncDirectory(state.Jobs());
}

}  // namespace

Result<contract::Manifest> KnownManifests::Load(const Path& installer, const std::string& app_id,
                                                const std::string& digest) {
  constexpr std::size_t kMost = 64;
  const auto key = app_id + " " + digest;
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  PROV_TRY(auto manifest, LoadManifest(installer, app_id));
  if (known_.size() >= kMost) known_.clear();
  return known_.emplace(key, std::move(manifest)).first->second;
}

Status CheckLibrary(const AgentConfiguration& configuration) {
  if (configuration.allow_unsafe_installers_dir) return {};
  return CheckOwnership(configuration.library);
}

std::variant<PreparedJob, Refusal> Examine(const IntakeContext& context, job::Order order,
                                           std::string_view envelope) {
  if (order.epoch != context.epoch) {
    return Refusal{job::Status::kLost,
                   "other_epoch: the job was made for an earlier life of this server's journal"};
  }
  if (auto refusal = CheckTimes(order, context.now)) return *refusal;
  if (auto refusal = CheckWhitelist(context.configuration, order)) return *refusal;
  if (auto refusal = CheckRoom(context.state)) return *refusal;
  if (auto refusal = TakeInstaller(context.configuration, context.installers, order))
    return *refusal;
  auto manifest = context.manifests.Load(context.installers.Original(order.installer_digest),
                                         order.app_id, order.installer_digest);
  if (!manifest) return Rejected("invalid_installer", manifest.error().ToString());
  PreparedJob prepared{std::move(order), std::move(*manifest)};
  if (auto refusal = CheckManifest(context, prepared)) return *refusal;
  if (const auto kept = KeepEnvelope(context.state, prepared.order, envelope); !kept)
    return Rejected("no_room", kept.error().ToString());
  return prepared;
}

Result<PreparedJob> LoadPreparedJob(const AgentConfiguration& configuration,
                                    InstallerStore& installers, std::string_view envelope,
                                    const Identity& identity) {
  PROV_TRY(const auto payload, VerifyFromPanel(identity, envelope, job::kOrderPayloadType));
  PROV_TRY(auto order, job::ParseOrder(payload));
  // Not worth an fsync of each file: what a power cut took is copied again.
  if (!installers.Holds(order.installer_digest)) {
    if (const auto refusal = TakeInstaller(configuration, installers, order))
      return Error{ErrorCode::kCorrupt, refusal->reason, {}};
  }
  PROV_TRY(auto manifest, LoadManifest(installers.Original(order.installer_digest), order.app_id));
  return PreparedJob{std::move(order), std::move(manifest)};
}

Result<std::string> ClaimedPayloadType(std::string_view envelope) {
  PROV_TRY(const auto value, json::ParseText(envelope, {job::kMaxEnvelopeBytes, 8}));
  if (const auto* object = value.if_object()) {
    const auto* type = object->if_contains("payloadType");
    if (type != nullptr && type->is_string()) return std::string(type->get_string());
  }
  return Error{ErrorCode::kInvalidArgument, "not an envelope: it has no payloadType", {}};
}

std::optional<Uuid> ClaimedJob(std::string_view payload, std::string_view agent) {
  const auto value = json::ParseText(payload, {job::kMaxEnvelopeBytes, 32});
  const auto* object = value ? value->if_object() : nullptr;
  const auto text = [&](const char* name) -> std::string_view {
    const auto* member = object == nullptr ? nullptr : object->if_contains(name);
    return member != nullptr && member->is_string() ? std::string_view(member->get_string()) : "";
  };
  if (text("agent") != agent) return std::nullopt;
  const auto job = Uuid::Parse(text("job"));
  return job ? std::optional(*job) : std::nullopt;
}

std::vector<contract::InputError> CheckPlainInputs(const contract::Manifest& manifest,
                                                   const job::Order& order,
                                                   const boost::json::object& remembered) {
  std::vector<contract::InputError> errors;
  auto outcome = contract::ValidateInputs(manifest, order.inputs, order.action, remembered);
  const auto& visible = outcome.inputs.visible;
  for (auto& error : outcome.errors) {
    if (!order.sealed_inputs.contains(error.field)) errors.push_back(std::move(error));
  }
  for (const auto& [name, sealed] : order.sealed_inputs) {
    const auto* input = manifest.FindInput(name);
    if (input == nullptr)
      errors.push_back({name, "unknown", "is no input of this installer"});
    else if (!input->sensitive)
      errors.push_back({name, "type", "is sealed, and not a sensitive input"});
    else if (std::ranges::find(visible, name) == visible.end())  // no condition names a secret
      errors.push_back(
          {name, "hidden", "must not be given: its condition does not hold, so it is hidden"});
  }
  for (const auto& [name, value] : order.inputs) {
    const auto* input = manifest.FindInput(name);
    if (input != nullptr && input->sensitive)
      errors.push_back({name, "type", "is sensitive, and came unsealed"});
  }
  return errors;
}

Result<exec::ScriptInputs> MakeScriptInputs(const PreparedJob& prepared, const Sealing& sealing,
                                            const boost::json::object& remembered,
                                            contract::EnvironmentFacts facts) {
  const auto& order = prepared.order;
  auto given = order.inputs;
  for (const auto& [name, sealed] : order.sealed_inputs) {
    PROV_TRY(const auto box, Base64Decode(sealed));
    const auto value = Unseal(sealing, order.job, name, box);
    if (!value) {
      return Error{ErrorCode::kPermissionDenied,
                   fmt::format("the sealed input {} does not open here: it was sealed to another "
                               "key of this server, or for another job; send the job again",
                               name),
                   {}};
    }
    given[name] = value->view();
  }
  auto outcome = contract::ValidateInputs(prepared.manifest, given, order.action, remembered);
  if (!outcome.ok()) return Error{ErrorCode::kInvalidArgument, Sentences(outcome.errors), {}};
  exec::ScriptInputs inputs;
  inputs.environment = contract::BuildEnvironment(prepared.manifest, outcome.inputs.values, facts);
  for (const auto& name : outcome.inputs.sensitive)
    inputs.secrets.emplace_back(outcome.inputs.values.at(name).as_string());
  return inputs;
}

}  // namespace prov::agent
