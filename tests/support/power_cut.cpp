#include "support/power_cut.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace prov::test {
namespace {

namespace fs = std::filesystem;

fs::path watched_root;
fs::path watched_disk;
fs::path failing;

// Inode numbers are used again, with another birth.
std::string KeyOf(const fs::path& file) {
  struct statx found{};
  if (statx(AT_FDCWD, file.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &found) != 0)
    return "";
  return std::to_string(found.stx_ino) + "-" + std::to_string(found.stx_btime.tv_sec) + "-" +
         std::to_string(found.stx_btime.tv_nsec);
}

void Keep(const fs::path& file) {
  const auto key = KeyOf(file);
  const auto kept = watched_disk / key;
  if (fs::is_directory(file)) {
    std::ofstream names(kept);
    for (const auto& each : fs::directory_iterator(file))
      names << each.path().filename().string() << ' ' << KeyOf(each.path()) << ' '
            << (each.is_directory() ? 'd' : 'f') << '\n';
  } else {
    fs::copy_file(file, kept, fs::copy_options::overwrite_existing);
  }
}

int Sync(int number, int fd) {
  std::error_code gone;
  const auto file = fs::read_symlink("/proc/self/fd/" + std::to_string(fd), gone);
  if (!gone && !failing.empty() && file == failing) {
    errno = EIO;
    return -1;
  }
  const auto done = static_cast<int>(syscall(number, fd));
  if (done != 0 || watched_root.empty()) return done;
  const auto below = file.string() + "/";
  if (!gone && below.starts_with(watched_root.string() + "/") && fs::exists(file, gone)) Keep(file);
  return done;
}

}  // namespace

PowerCut::PowerCut(fs::path root) : root_(fs::canonical(root)) {
  watched_root = root_;
  watched_disk = disk_.path();
  KeepTree(root_);
}

PowerCut::~PowerCut() { watched_root.clear(); }

void PowerCut::KeepTree(const fs::path& directory) {
  for (const auto& each : fs::directory_iterator(directory)) {
    if (each.is_directory())
      KeepTree(each.path());
    else
      Keep(each.path());
  }
  Keep(directory);
}

void PowerCut::Restore(const fs::path& from, const fs::path& to) {
  std::ifstream names(from);
  for (std::string name, key, kind; names >> name >> key >> kind;) {
    const auto kept = disk_.path() / key;
    if (kind == "d") {
      fs::create_directory(to / name);
      fs::permissions(to / name, fs::perms::owner_all);
      if (fs::exists(kept)) Restore(kept, to / name);
    } else if (fs::exists(kept)) {
      fs::copy_file(kept, to / name);
    } else {
      std::ofstream(to / name).flush();
    }
  }
}

void PowerCut::Strike() {
  const TemporaryDirectory left;
  Restore(disk_.path() / KeyOf(root_), left.path());
  for (const auto& each : fs::directory_iterator(root_)) fs::remove_all(each.path());
  fs::copy(left.path(), root_, fs::copy_options::recursive);
  KeepTree(root_);
}

SyncFailure::SyncFailure(const fs::path& file) { failing = fs::weakly_canonical(file); }
SyncFailure::~SyncFailure() { failing.clear(); }

}  // namespace prov::test

extern "C" int fsync(int fd) { return prov::test::Sync(SYS_fsync, fd); }
extern "C" int fdatasync(int fd) { return prov::test::Sync(SYS_fdatasync, fd); }
