#include "agent/executor/quarantine.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "job/grammar.hpp"

namespace prov::agent {
namespace {

constexpr std::size_t kHexBytes = 64;
constexpr std::size_t kMostSuspects = 100;

Path SuspectsIn(const Path& directory) { return directory / "parcels.suspect"; }

}  // namespace

Result<Quarantine> Quarantine::Open(const Path& directory) {
  Quarantine quarantine;
  quarantine.directory_ = directory;
  const auto path = directory / "parcel.in-hand";
  quarantine.in_hand_ =
      UniqueFd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!quarantine.in_hand_) return ErrnoError("cannot open " + path.string());
  if (const auto text = ReadFile(SuspectsIn(directory), 64 * 1024)) {
    // One that cannot be read costs three more deaths, no job.
    if (auto read = json::Parse<std::map<std::string, Suspect>>(*text))
      quarantine.suspects_ = std::move(*read);
  }
  const auto in_hand = ReadFile(path, 256);
  if (in_hand && job::IsSha256Hex(in_hand->substr(0, kHexBytes))) {
    if (quarantine.suspects_.size() >= kMostSuspects) quarantine.suspects_.clear();
    auto& suspect = quarantine.suspects_[in_hand->substr(0, kHexBytes)];
    ++suspect.deaths;
    if (const auto job = Uuid::Parse(in_hand->substr(kHexBytes))) suspect.job = *job;
    PROV_CHECK(WriteFileAtomically(SuspectsIn(directory), json::Write(quarantine.suspects_), 0600));
    (void)!ftruncate(quarantine.in_hand_.get(), 0);
  }
  return quarantine;
}

bool Quarantine::Begin(std::string_view parcel) {
  current_ = HexEncode(Sha256(parcel));
  if (const auto found = suspects_.find(current_);
      found != suspects_.end() && found->second.deaths >= kMostDeaths)
    return false;
  // Where that fails a parcel that kills goes uncounted, which is no reason to take none.
  (void)!pwrite(in_hand_.get(), current_.data(), current_.size(), 0);
  return true;
}

void Quarantine::Name(const Uuid& job) {
  const auto text = job.ToString();
  (void)!pwrite(in_hand_.get(), text.data(), text.size(), kHexBytes);
}

std::optional<Uuid> Quarantine::job() const {
  const auto found = suspects_.find(current_);
  return found == suspects_.end() ? std::nullopt : found->second.job;
}

void Quarantine::End() {
  (void)!ftruncate(in_hand_.get(), 0);
  if (suspects_.erase(current_) > 0)
    (void)WriteFileAtomically(SuspectsIn(directory_), json::Write(suspects_), 0600);
}

}  // namespace prov::agent
