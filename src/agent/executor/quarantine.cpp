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
    if (auto read = json::Parse<std::map<std::string, int>>(*text))
      quarantine.deaths_ = std::move(*read);
  }
  std::string hash(kHexBytes, '\0');
  if (pread(quarantine.in_hand_.get(), hash.data(), hash.size(), 0) ==
          static_cast<ssize_t>(hash.size()) &&
      job::IsSha256Hex(hash)) {
    if (quarantine.deaths_.size() >= kMostSuspects) quarantine.deaths_.clear();
    ++quarantine.deaths_[hash];
    PROV_CHECK(WriteFileAtomically(SuspectsIn(directory), json::Write(quarantine.deaths_), 0600));
    (void)!ftruncate(quarantine.in_hand_.get(), 0);
  }
  return quarantine;
}

bool Quarantine::Begin(std::string_view parcel) {
  current_ = HexEncode(Sha256(parcel));
  if (const auto found = deaths_.find(current_);
      found != deaths_.end() && found->second >= kMostDeaths)
    return false;
  // Where that fails a parcel that kills goes uncounted, which is no reason to take none.
  (void)!pwrite(in_hand_.get(), current_.data(), current_.size(), 0);
  return true;
}

void Quarantine::End() {
  (void)!ftruncate(in_hand_.get(), 0);
  if (deaths_.erase(current_) > 0)
    (void)WriteFileAtomically(SuspectsIn(directory_), json::Write(deaths_), 0600);
}

}  // namespace prov::agent
