#include "base/files.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace prov {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

void UniqueFd::Reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Result<std::string> ReadFile(const Path& path, std::size_t limit) {
  const auto doing = fmt::format("cannot read {}", path.string());
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoError(doing);
  std::string text;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(doing);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > limit) {
      return Error{ErrorCode::kTooLarge, fmt::format("{}: more than {} bytes", doing, limit), {}};
    }
  }
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError("cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status WriteFileAtomically(const Path& path, std::string_view bytes, mode_t mode) {
  const Path temporary = path.string() + ".new";
  UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) return ErrnoError(fmt::format("cannot write {}", temporary.string()));
  // A file left by a crash keeps its old mode, and the umask may have taken bits away.
  if (fchmod(fd.get(), mode) != 0)
    return ErrnoError("cannot set the mode of " + temporary.string());
  PROV_CHECK(WriteAll(fd.get(), bytes));
  if (fsync(fd.get()) != 0) return ErrnoError("cannot fsync " + temporary.string());
  fd.Reset();
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return ErrnoError("cannot rename to " + path.string());
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : Path("."));
}

Status SyncDirectory(const Path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return ErrnoError("cannot open the directory " + path.string());
  if (fsync(fd.get()) != 0) return ErrnoError("cannot fsync the directory " + path.string());
  return {};
}

Status MakeDirectories(const Path& path, mode_t mode) {
  if (path.empty() || path == "/" || path == ".") return {};
  struct stat found{};
  if (stat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return {};
    return ErrnoError(path.string() + " is in the way", ENOTDIR);
  }
  PROV_CHECK(MakeDirectories(path.parent_path(), mode));
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return ErrnoError("cannot make the directory " + path.string());
  }
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : Path("."));
}

}  // namespace prov
