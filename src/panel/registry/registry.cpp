#include "panel/registry/registry.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "signing/tree_digest.hpp"

namespace prov::panel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxReadme = 256 * 1024;
constexpr std::size_t kMaxIcon = 64 * 1024;
constexpr int kMostLevels = 4;  // looked at for changes
constexpr int kMostTries = 3;

contract::ManifestFault Fault(std::string message) {
  return {"manifest.yml", 1, 1, "", std::move(message)};
}

// A file of the installer's own. A link is not followed, since what it leads to would be shown to
// everybody; a pipe is not waited for.
Result<std::string> ReadOwnFile(const fs::path& directory, const std::string& name,
                                std::size_t limit) {
  const UniqueFd fd(
      open((directory / name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno != ELOOP && errno != ENXIO) return ErrnoError("cannot read " + name);
  struct stat found{};
  if (!fd || fstat(fd.get(), &found) != 0 || !S_ISREG(found.st_mode)) {
    return Error{ErrorCode::kInvalidArgument,
                 name + " is not a regular file; put the file itself there",
                 {}};
  }
  std::string text;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError("cannot read " + name);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > limit)
      return Error{ErrorCode::kTooLarge, fmt::format("{} has more than {} bytes", name, limit), {}};
  }
}

// What the file system says of a directory and all in it: different whenever it may have changed.
// Inode and change time too, since what is unpacked or copied may keep size and modification time.
void Collect(const fs::path& path, int level, std::vector<std::string>& lines) {
  struct stat found{};
  if (lstat(path.c_str(), &found) != 0) return;  // gone meanwhile
  const auto size = S_ISREG(found.st_mode) ? found.st_size : 0;
  lines.push_back(fmt::format("{}\n{} {} {} {}.{} {}.{}", path.string(), size, found.st_mode,
                              found.st_ino, found.st_mtim.tv_sec, found.st_mtim.tv_nsec,
                              found.st_ctim.tv_sec, found.st_ctim.tv_nsec));
  if (!S_ISDIR(found.st_mode) || level > kMostLevels) return;
  std::error_code fault;
  for (fs::directory_iterator each(path, fault), end; !fault && each != end; each.increment(fault))
    Collect(each->path(), level + 1, lines);
}

std::string FingerprintOf(const fs::path& directory) {
  std::vector<std::string> lines;
  std::error_code fault;
  Collect(fs::weakly_canonical(directory, fault), 0, lines);  // INSTALLERS_DIR may be a link
  std::ranges::sort(lines);                                   // a directory has no order of its own
  return Sha256(fmt::format("{}", fmt::join(lines, "\n")));
}

Installer Read(const fs::path& directory) {
  Installer installer;
  installer.id = directory.filename().string();
  contract::DirectoryFacts facts;
  facts.name = installer.id;
  std::error_code fault;
  for (fs::directory_iterator each(directory, fault), end; !fault && each != end;
       each.increment(fault)) {
    std::error_code gone;
    if (fs::is_regular_file(each->symlink_status(gone)))
      facts.files.insert(each->path().filename().string());
  }
  const auto text = ReadOwnFile(directory, "manifest.yml", contract::kMaxManifestBytes);
  if (!text) {
    installer.faults.push_back(Fault(text.error().ToString()));
    return installer;
  }
  auto loaded = contract::ParseManifest("manifest.yml", *text, &facts);
  installer.faults = std::move(loaded.faults);
  auto digest = signing::DigestTree(directory);
  if (digest)
    installer.digest = std::move(*digest);
  else
    installer.faults.push_back(Fault(digest.error().message));
  if (installer.faults.empty()) installer.manifest = std::move(loaded.manifest);
  if (auto readme = ReadOwnFile(directory, "README.md", kMaxReadme))
    installer.readme = std::move(*readme);
  if (installer.manifest && !installer.manifest->icon.empty()) {
    if (auto icon = ReadOwnFile(directory, installer.manifest->icon, kMaxIcon))
      installer.icon = std::move(*icon);
  }
  return installer;
}

// One state of it. What is replaced meanwhile is read again, since its manifest and its digest may
// be of two.
Installer Load(const fs::path& directory) {
  for (int left = kMostTries;; --left) {
    const auto before = FingerprintOf(directory);
    auto installer = Read(directory);
    if (FingerprintOf(directory) == before) return installer;
    if (left > 1) continue;
    installer.manifest.reset();
    installer.faults.push_back(Fault("changed while it was read; it will be read again"));
    return installer;
  }
}

}  // namespace

const Installer* Catalogue::Find(std::string_view id) const {
  const auto found = installers.find(id);
  return found == installers.end() ? nullptr : &found->second;
}

struct Registry::State {
  Path directory;
  const Clock& clock;
  Logger& logger;
  mutable std::mutex mutex;  // guards what follows
  std::shared_ptr<const Catalogue> current = std::make_shared<Catalogue>();
  std::string fingerprint;
  std::string failure;
  std::atomic<std::uint64_t> failed{0};
};

Registry::Registry(Path directory, const Clock& clock, Logger& logger)
    : state_(new State{
          std::move(directory), clock, logger, {}, std::make_shared<Catalogue>(), "", "", {}}) {}

Registry::~Registry() = default;

Status Registry::Reload() {
  // Before the reading: what changes meanwhile is seen again.
  const auto fingerprint = FingerprintOf(state_->directory);
  const auto catalogue = std::make_shared<Catalogue>();
  catalogue->loaded_at = state_->clock.Now();
  std::error_code fault;
  std::size_t broken = 0;
  for (fs::directory_iterator each(state_->directory, fault), end; !fault && each != end;
       each.increment(fault)) {
    std::error_code gone;
    const auto name = each->path().filename().string();
    // Links are no installers: what they lead to is outside the digest.
    if (name.starts_with('.') || !fs::is_directory(each->symlink_status(gone))) continue;
    auto installer = Load(each->path());
    if (!installer.manifest) ++broken;
    catalogue->installers.emplace(name, std::move(installer));
  }
  if (fault) {
    ++state_->failed;
    auto error = ErrnoError("cannot read the installers in " + state_->directory.string() +
                                "; is INSTALLERS_DIR right?",
                            fault.value());
    const std::lock_guard lock(state_->mutex);
    state_->failure = error.message;
    return error;
  }
  state_->logger.Info("registry_loaded",
                      {{"installers", catalogue->installers.size()}, {"broken", broken}});
  const std::lock_guard lock(state_->mutex);
  state_->current = catalogue;
  state_->failure.clear();
  state_->fingerprint = fingerprint;
  return {};
}

bool Registry::Changed() const {
  const auto fingerprint = FingerprintOf(state_->directory);
  const std::lock_guard lock(state_->mutex);
  // What could not be read may be there again just as it was.
  return !state_->failure.empty() || fingerprint != state_->fingerprint;
}

std::shared_ptr<const Catalogue> Registry::Current() const {
  const std::lock_guard lock(state_->mutex);
  return state_->current;
}

std::string Registry::last_failure() const {
  const std::lock_guard lock(state_->mutex);
  return state_->failure;
}

std::uint64_t Registry::failed_reloads() const { return state_->failed; }

}  // namespace prov::panel
