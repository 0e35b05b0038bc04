#include "agent/executor/installer_store.hpp"

#include <charconv>
#include <sys/stat.h>
#include <unistd.h>

#include "job/grammar.hpp"

namespace prov::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScheme = "sha256:";
constexpr std::size_t kMostSpares = 8;  // of one digest

void RemoveTree(const Path& tree) {
  std::error_code ignored;
  fs::remove_all(tree, ignored);
}

// The directory itself, of which a digest says nothing.
bool IsAsCopied(const Path& copy) {
  struct stat found{};
  return lstat(copy.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
         (found.st_mode & 07777) == 0700;
}

}  // namespace

InstallerStore::InstallerStore(Path directory) : directory_(std::move(directory)) {
  std::error_code failed;
  for (fs::directory_iterator home(directory_, failed), end; !failed && home != end;
       home.increment(failed)) {
    const auto digest = std::string(kScheme) + home->path().filename().string();
    std::error_code unreadable;
    for (fs::directory_iterator each(home->path(), unreadable), last; !unreadable && each != last;
         each.increment(unreadable)) {
      const auto name = each->path().filename().string();
      std::uint64_t number = 0;
      const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
      if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
      spares_[digest].push_back(each->path());
      next_spare_ = std::max(next_spare_, number + 1);
    }
  }
}

Path InstallerStore::Home(const std::string& digest) const {
  return directory_ / digest.substr(kScheme.size());
}

Path InstallerStore::Original(const std::string& digest) const { return Home(digest) / "original"; }

bool InstallerStore::Holds(const std::string& digest) {
  if (verified_.contains(digest)) return true;
  if (!job::IsInstallerDigest(digest)) return false;
  const auto found = signing::DigestTree(Original(digest), {.as_copied = true});
  if (!found || *found != digest) return false;
  verified_.insert(digest);
  return true;
}

Result<std::string> InstallerStore::Take(const Path& source, const std::string& wanted,
                                         const signing::TreeLimits& limits) {
  if (Holds(wanted)) {
    PROV_TRY(const auto digest, signing::DigestTree(source, limits));
    if (digest == wanted) last_taken_[source] = digest;
    return digest;
  }
  PROV_CHECK(MakeDirectories(directory_, 0700));
  const auto fresh = directory_ / "new";
  RemoveTree(fresh);
  const auto digest = signing::CopyAndDigestTree(source, fresh, limits);
  if (!digest || *digest != wanted) {
    RemoveTree(fresh);
    return digest;
  }
  Drop(wanted);
  PROV_CHECK(MakeDirectories(Home(wanted), 0700));
  if (rename(fresh.c_str(), Original(wanted).c_str()) != 0)
    return ErrnoError("cannot keep a copy of the installer");
  verified_.insert(wanted);
  last_taken_[source] = wanted;
  return digest;
}

Status InstallerStore::HandOut(const std::string& digest, const Path& destination) {
  if (HandOutSpare(digest, destination)) return {};
  const auto copied = signing::CopyAndDigestTree(Original(digest), destination);
  if (copied && *copied == digest) return {};
  RemoveTree(destination);
  if (!copied) return copied.error();
  Drop(digest);
  return Error{
      ErrorCode::kCorrupt, "the agent's copy of the installer is not what was verified", {}};
}

bool InstallerStore::HandOutSpare(const std::string& digest, const Path& destination) {
  const auto found = spares_.find(digest);
  while (found != spares_.end() && !found->second.empty()) {
    const auto spare = found->second.back();
    found->second.pop_back();
    if (rename(spare.c_str(), destination.c_str()) == 0) {
      const auto now = signing::DigestTree(destination, {.as_copied = true});
      if (now && *now == digest && IsAsCopied(destination)) return true;
      RemoveTree(destination);
    }
    RemoveTree(spare);
  }
  return false;
}

void InstallerStore::TakeBack(const std::string& digest, const Path& copy) {
  auto& spares = spares_[digest];
  if (spares.size() < kMostSpares && Holds(digest)) {
    auto spare = Home(digest) / std::to_string(next_spare_);
    if (rename(copy.c_str(), spare.c_str()) == 0) {
      ++next_spare_;
      return spares.push_back(std::move(spare));
    }
  }
  RemoveTree(copy);
}

void InstallerStore::Drop(const std::string& digest) {
  RemoveTree(Home(digest));
  verified_.erase(digest);
  spares_.erase(digest);
}

void InstallerStore::KeepOnly(const std::set<std::string>& digests) {
  std::erase_if(last_taken_, [](const auto& each) {
    std::error_code unknown;
    return !fs::exists(each.first, unknown) && !unknown;
  });
  std::set<std::string> kept = digests;
  for (const auto& [source, digest] : last_taken_) kept.insert(digest);
  std::vector<std::string> gone;
  std::error_code failed;
  for (fs::directory_iterator home(directory_, failed), end; !failed && home != end;
       home.increment(failed)) {
    auto digest = std::string(kScheme) + home->path().filename().string();
    if (!kept.contains(digest)) gone.push_back(std::move(digest));
  }
  for (const auto& digest : gone) Drop(digest);
}

}  // namespace prov::agent
