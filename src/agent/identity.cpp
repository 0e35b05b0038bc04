#include "agent/identity.hpp"

#include <fcntl.h>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/describe.hpp>
#include <fmt/format.h>

#include "agent/key_files.hpp"
#include "base/encoding.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "exec/journal.hpp"
#include "job/grammar.hpp"
#include "signing/dsse.hpp"

namespace prov::agent {
namespace {

constexpr std::size_t kMaxEpochBytes = 16 * 1024;
constexpr std::uint32_t kVersion = 1;

struct PreviousFile {
  std::uint32_t generation = 1;
  std::string job;  // base64
  std::string event;
};
BOOST_DESCRIBE_STRUCT(PreviousFile, (), (generation, job, event))

struct KeysFile {
  std::uint32_t v = kVersion;
  std::string agent;
  std::uint32_t generation = 1;
  std::string job;  // base64
  std::string event;
  std::string http;
  std::optional<std::string> sealing;  // where earlier versions kept it
  std::optional<PreviousFile> previous;
};
BOOST_DESCRIBE_STRUCT(KeysFile, (), (v, agent, generation, job, event, http, sealing, previous))

struct EpochFile {
  std::uint32_t v = kVersion;
  Uuid id;
  WallTime since{};
  std::optional<Uuid> previous;
  std::string reason;
  std::string machine_id;
  std::string root_uuid;
  std::optional<std::vector<Uuid>> earlier;
};
BOOST_DESCRIBE_STRUCT(EpochFile, (),
                      (v, id, since, previous, reason, machine_id, root_uuid, earlier))

Path KeysPath(const exec::StatePaths& state) { return state.root / "keys"; }

std::string FirstLine(const Path& path) {
  auto text = ReadFile(path, 4096);
  return text ? text->substr(0, text->find('\n')) : "";
}

// The device that is mounted on /, as mountinfo names it: what btrfs says of itself is no device.
dev_t RootSource() {
  const auto text = ReadFile("/proc/self/mountinfo", std::size_t{1} << 20);
  std::istringstream lines(text ? *text : "");
  dev_t device = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id, parent, number, root, point, word, type, source;
    words >> id >> parent >> number >> root >> point;
    while (words >> word && word != "-") {
    }
    words >> type >> source;
    struct stat status{};
    if (point == "/" && source.starts_with("/dev/") && stat(source.c_str(), &status) == 0)
      device = status.st_rdev;  // the last mount hides those before it
  }
  return device;
}

// The link in /dev/disk/by-uuid that leads to the root file system's device.
std::string RootUuid() {
  struct stat root{};
  if (stat("/", &root) != 0) return "";
  const auto source = RootSource();
  std::error_code fault;
  for (std::filesystem::directory_iterator each("/dev/disk/by-uuid", fault), end;
       !fault && each != end; each.increment(fault)) {
    struct stat device{};
    if (stat(each->path().c_str(), &device) != 0) continue;
    if (device.st_rdev == root.st_dev || (source != 0 && device.st_rdev == source))
      return each->path().filename().string();
  }
  return "";
}

Result<std::string> VerifyWith(const Identity& identity, signing::Purpose purpose,
                               signing::SecretBytes Identity::* key,
                               signing::SecretBytes PreviousKeys::* previous_key,
                               std::string_view envelope, std::string_view payload_type,
                               std::size_t limit) {
  const auto keyid = signing::KeyId(purpose, identity.agent_id, identity.generation);
  std::string previous_keyid;
  std::vector<signing::VerificationKey> keys{{keyid, (identity.*key).view()}};
  if (const auto& previous = identity.previous) {
    previous_keyid = signing::KeyId(purpose, identity.agent_id, previous->generation);
    keys.push_back({previous_keyid, ((*previous).*previous_key).view()});
  }
  return signing::Verify(envelope, payload_type, keys, limit);
}

// What the journal says its epoch is, where the record of it is gone; the newest first.
std::vector<Uuid> JournalledEpochs(const exec::StatePaths& state) {
  std::vector<Uuid> epochs;
  if (const auto opened = exec::Journal::Open(state.Journal()))
    epochs.push_back(opened->journal.epoch());
  const auto begun = Uuid::Parse(FirstLine(state.JournalBegun()));
  if (begun && (epochs.empty() || epochs.front() != *begun)) epochs.push_back(*begun);
  return epochs;
}

// What is known now and was not when it was recorded is kept from now on.
Status CompleteBinding(const exec::StatePaths& state, Epoch& epoch, const MachineBinding& now) {
  auto& binding = epoch.binding;
  const auto before = binding;
  if (binding.machine_id.empty()) binding.machine_id = now.machine_id;
  if (binding.root_uuid.empty()) binding.root_uuid = now.root_uuid;
  return binding == before ? Status() : WriteEpoch(state, epoch);
}

Result<UniqueFd> Lock(const Path& path, std::string_view held) {
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return ErrnoError("cannot open " + path.string());
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return Error{ErrorCode::kConflict, std::string(held), {}};
}

}  // namespace

Result<Identity> ReadIdentity(const exec::StatePaths& state) {
  const auto path = KeysPath(state);
  PROV_TRY(auto text, ReadKeyFile(path));
  auto read = json::Parse<KeysFile>(text);
  signing::SecretBytes wiped(std::move(text));
  if (!read) return NotOurs(path, "JSON of another form");
  if (read->v != kVersion) return NotOurs(path, "it is of another version");
  if (!job::IsAgentId(read->agent) || read->generation == 0) return NotOurs(path, "agent");
  Identity identity;
  identity.agent_id = read->agent;
  identity.generation = read->generation;
  PROV_TRY(identity.job_key, KeyFrom(path, read->job));
  PROV_TRY(identity.event_key, KeyFrom(path, read->event));
  PROV_TRY(identity.http_key, KeyFrom(path, read->http));
  auto sealing = ReadSealing(state);
  // Not found would mean that this server is not enrolled.
  if (!sealing && sealing.error().code == ErrorCode::kNotFound)
    return NotOurs(state.root, "keys are there, and no sealing-key; enroll again");
  if (!sealing) return sealing.error();
  identity.sealing = std::move(*sealing);
  if (read->previous) {
    if (read->previous->generation == 0) return NotOurs(path, "the generation before");
    auto& previous = identity.previous.emplace();
    previous.generation = read->previous->generation;
    PROV_TRY(previous.job_key, KeyFrom(path, read->previous->job));
    PROV_TRY(previous.event_key, KeyFrom(path, read->previous->event));
  }
  return identity;
}

Status WriteIdentity(const exec::StatePaths& state, const Identity& identity) {
  KeysFile file;
  file.agent = identity.agent_id;
  file.generation = identity.generation;
  file.job = Base64Encode(identity.job_key.view());
  file.event = Base64Encode(identity.event_key.view());
  file.http = Base64Encode(identity.http_key.view());
  if (const auto& previous = identity.previous) {
    file.previous = PreviousFile{previous->generation, Base64Encode(previous->job_key.view()),
                                 Base64Encode(previous->event_key.view())};
  }
  const signing::SecretBytes text(json::Write(file) + "\n");
  return WriteFileAtomically(KeysPath(state), text.view(), 0600);
}

Result<Identity> DeriveIdentity(const std::string& agent_id, std::string_view secret_key,
                                const exec::StatePaths& state) {
  Identity identity;
  identity.agent_id = agent_id;
  PROV_TRY(identity.job_key,
           signing::DeriveAgentKey(secret_key, signing::Purpose::kJob, agent_id, 1));
  PROV_TRY(identity.event_key,
           signing::DeriveAgentKey(secret_key, signing::Purpose::kEvent, agent_id, 1));
  PROV_TRY(identity.http_key,
           signing::DeriveAgentKey(secret_key, signing::Purpose::kHttp, agent_id, 1));
  PROV_TRY(identity.sealing, EnsureSealing(state));
  return identity;
}

PreviousKeys KeysBefore(const Identity& identity) {
  return {identity.generation, identity.job_key.Clone(), identity.event_key.Clone()};
}

Result<std::string> VerifyFromPanel(const Identity& identity, std::string_view envelope,
                                    std::string_view payload_type) {
  return VerifyWith(identity, signing::Purpose::kJob, &Identity::job_key, &PreviousKeys::job_key,
                    envelope, payload_type, job::kMaxEnvelopeBytes);
}

Result<std::string> VerifyOwnEvent(const Identity& identity, std::string_view envelope) {
  return VerifyWith(identity, signing::Purpose::kEvent, &Identity::event_key,
                    &PreviousKeys::event_key, envelope, job::kEventPayloadType,
                    job::kMaxSignedEventBytes);
}

bool SameMachine(const MachineBinding& a, const MachineBinding& b) {
  const auto agree = [](const std::string& one, const std::string& other) {
    return one.empty() || other.empty() || one == other;
  };
  return agree(a.machine_id, b.machine_id) && agree(a.root_uuid, b.root_uuid);
}

MachineBinding ReadMachineBinding() {
  MachineBinding binding;
  binding.machine_id = FirstLine("/etc/machine-id");
  binding.root_uuid = RootUuid();
  return binding;
}

Result<Epoch> ReadEpoch(const exec::StatePaths& state) {
  PROV_TRY(const auto text, ReadFile(state.Epoch(), kMaxEpochBytes));
  const auto read = json::Parse<EpochFile>(text);
  if (!read) return NotOurs(state.Epoch(), read.error().message);
  if (read->v != kVersion) return NotOurs(state.Epoch(), "/v: must be 1");
  return Epoch{read->id,
               read->since,
               read->previous,
               read->reason,
               {read->machine_id, read->root_uuid},
               read->earlier.value_or(std::vector<Uuid>{})};
}

Status WriteEpoch(const exec::StatePaths& state, const Epoch& epoch) {
  const EpochFile file{kVersion,
                       epoch.id,
                       epoch.since,
                       epoch.previous,
                       epoch.reason,
                       epoch.binding.machine_id,
                       epoch.binding.root_uuid,
                       epoch.earlier};
  return WriteFileAtomically(state.Epoch(), json::Write(file) + "\n", 0600);
}

Result<Epoch> EnsureEpoch(const exec::StatePaths& state, const Clock& clock, Random& random,
                          std::string reason) {
  auto recorded = ReadEpoch(state);
  const auto binding = ReadMachineBinding();
  Epoch next;
  std::vector<Uuid> before;  // the newest first
  if (recorded) {
    if (reason.empty() && !SameMachine(recorded->binding, binding))
      reason = "this is another machine, or another root file system";
    if (reason.empty()) {
      PROV_CHECK(CompleteBinding(state, *recorded, binding));
      return *recorded;
    }
    before.push_back(recorded->id);
    if (recorded->previous) before.push_back(*recorded->previous);
    before.insert(before.end(), recorded->earlier.begin(), recorded->earlier.end());
  } else {
    before = JournalledEpochs(state);
    const bool missing = recorded.error().code == ErrorCode::kNotFound;
    const bool first = missing && before.empty();
    if (reason.empty() && !first)
      reason = missing ? "the record of the epoch was lost" : "the record of the epoch was damaged";
    if (reason.empty()) reason = "first start";
  }
  // The panel may have missed some of them while it was away.
  if (before.size() > 1 + job::kMostEarlierEpochs) before.resize(1 + job::kMostEarlierEpochs);
  if (!before.empty()) {
    next.previous = before.front();
    next.earlier.assign(before.begin() + 1, before.end());
  }
  next.id = Uuid::MakeV7(clock, random);
  next.since = clock.Now();
  next.reason = std::move(reason);
  next.binding = binding;
  PROV_CHECK(WriteEpoch(state, next));
  return next;
}

job::EpochFacts EpochFactsOf(const Epoch& epoch) {
  job::EpochFacts facts{epoch.since, epoch.previous, epoch.reason, std::nullopt};
  if (!epoch.earlier.empty()) facts.earlier = epoch.earlier;
  return facts;
}

Status PrepareStateDirectory(const exec::StatePaths& state) {
  PROV_CHECK(MakeDirectories(state.root, 0700));
  PROV_CHECK(CheckOwnership(state.root));
  struct stat status{};
  if (stat(state.root.c_str(), &status) != 0)
    return ErrnoError("cannot look at " + state.root.string());
  if ((status.st_mode & 0077) != 0) {
    return Error{ErrorCode::kPermissionDenied,
                 fmt::format("others can look into {0}; chmod 700 {0}", state.root.string()),
                 {}};
  }
  return MakeDirectories(state.Jobs(), 0700);
}

Result<UniqueFd> LockState(const exec::StatePaths& state) {
  return Lock(state.root / "lock",
              fmt::format("another agent runs with the state directory {}; stop it first, or give "
                          "this one its own with --state-dir",
                          state.root.string()));
}

Result<UniqueFd> LockEnrolment(const exec::StatePaths& state) {
  return Lock(state.root / "enrolment.lock",
              "this server is being enrolled, or its sealing key changed, by another process");
}

Status CheckOwnership(const Path& directory) {
  std::error_code fault;
  const auto real = std::filesystem::canonical(directory, fault);
  if (fault) {
    return ErrnoError("cannot look at " + directory.string(), fault.value());
  }
  for (Path each = real;; each = each.parent_path()) {
    struct stat status{};
    if (stat(each.c_str(), &status) != 0) return ErrnoError("cannot look at " + each.string());
    // A sticky directory (/tmp) lets nobody rename what is another's.
    const bool writable = (status.st_mode & 0022) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (status.st_uid != 0 && status.st_uid != geteuid()) {
      return Error{ErrorCode::kPermissionDenied,
                   fmt::format("{} belongs to user {}, who could swap what is in {}; it must be "
                               "root's, and so must its parents",
                               each.string(), status.st_uid, real.string()),
                   {}};
    }
    if (writable) {
      return Error{ErrorCode::kPermissionDenied,
                   fmt::format("others can write in {0}, and so swap what is in {1}; chmod go-w "
                               "{0}",
                               each.string(), real.string()),
                   {}};
    }
    if (each == each.root_path()) return {};
  }
}

}  // namespace prov::agent
