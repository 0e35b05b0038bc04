#include "signing/tree_digest.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "signing/keys.hpp"

namespace prov::signing {
namespace {

// Neither a symlink on the way nor a `..` can lead out of `directory`, whatever changes while we
// look.
UniqueFd OpenBeneath(int directory, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(
      static_cast<int>(syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how)));
}

Error Refused(const std::string& path, std::string_view why) {
  return {ErrorCode::kInvalidArgument, fmt::format("`{}` in the installer {}", path, why), {}};
}

bool IsAsCopied(const struct stat& found) {
  const auto mode = found.st_mode & 07777;
  const bool file = S_ISREG(found.st_mode);
  return found.st_uid == geteuid() && (mode == 0755 || (file && mode == 0644)) &&
         (!file || found.st_nlink == 1);
}

// One walk over a directory: hashes everything, and copies it where a destination is given.
class TreeWalk {
 public:
  TreeWalk(int source, int destination, const TreeLimits& limits)
      : source_(source), destination_(destination), limits_(limits) {}

  Result<std::string> Run() {
    PROV_CHECK(WalkDirectory("", 0));
    std::ranges::sort(lines_);
    Sha256Stream sum;
    for (const auto& [path, line] : lines_) sum.Add(line);
    return "sha256:" + HexEncode(sum.Finish());
  }

 private:
  Status WalkDirectory(const std::string& path, std::size_t depth) {
    if (depth > limits_.depth) return TooLarge("levels", limits_.depth);
    UniqueFd fd = OpenBeneath(source_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
    if (!fd) return ErrnoError(fmt::format("cannot open `{}` in the installer", path));
    PROV_TRY(const auto names, NamesIn(std::move(fd), path));
    for (const auto& name : names) {
      PROV_CHECK(WalkEntry(path.empty() ? name : path + "/" + name, depth));
    }
    return {};
  }

  // O_RDONLY would wait for the writer of a named pipe, so what it is is asked of the opened file,
  // without waiting.
  Status WalkEntry(const std::string& path, std::size_t depth) {
    if (path.find('\n') != std::string::npos) return Refused(path, "has a newline in its name");
    if (lines_.size() >= limits_.entries) return TooLarge("files and directories", limits_.entries);
    const UniqueFd fd = OpenBeneath(source_, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd && errno == ELOOP)
      return Refused(path, "is a symbolic link; put the file itself there");
    if (!fd) return ErrnoError(fmt::format("cannot open `{}` in the installer", path));
    struct stat found{};
    if (fstat(fd.get(), &found) != 0) return ErrnoError("cannot look at " + path);
    const bool ours = found.st_uid == 0 || found.st_uid == geteuid();
    if (limits_.only_roots && (!ours || (found.st_mode & 0022) != 0)) {
      return Error{
          ErrorCode::kPermissionDenied,
          fmt::format(
              "`{}` in the installer can be changed by others than root; it must be root's, "
              "and chmod go-w",
              path),
          {}};
    }
    if (limits_.as_copied && !IsAsCopied(found)) return Refused(path, "is not as it was copied");
    if (S_ISDIR(found.st_mode)) {
      lines_.emplace_back(path, fmt::format("d 0755 0 - {}\n", path));
      if (destination_ >= 0 && (mkdirat(destination_, path.c_str(), 0755) != 0 ||
                                fchmodat(destination_, path.c_str(), 0755, 0) != 0))
        return ErrnoError("cannot copy " + path);
      return WalkDirectory(path, depth + 1);
    }
    if (!S_ISREG(found.st_mode)) return Refused(path, "is neither a file nor a directory");
    return WalkFile(fd.get(), path, (found.st_mode & S_IXUSR) != 0);
  }

  Status WalkFile(int fd, const std::string& path, bool executable) {
    UniqueFd copy;
    if (destination_ >= 0) {
      const mode_t mode = executable ? 0755 : 0644;
      copy = UniqueFd(openat(destination_, path.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
      if (!copy || fchmod(copy.get(), mode) != 0) return ErrnoError("cannot copy " + path);
    }
    Sha256Stream sum;
    std::size_t size = 0;
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t got = read(fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoError(fmt::format("cannot read `{}` in the installer", path));
      if (got == 0) break;
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
      size += bytes.size();
      bytes_ += bytes.size();
      if (bytes_ > limits_.bytes) return TooLarge("bytes", limits_.bytes);
      sum.Add(bytes);
      if (copy) PROV_CHECK(WriteAll(copy.get(), bytes));
    }
    lines_.emplace_back(path, fmt::format("f {} {} {} {}\n", executable ? "0755" : "0644", size,
                                          HexEncode(sum.Finish()), path));
    return {};
  }

  static Result<std::vector<std::string>> NamesIn(UniqueFd fd, const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(fdopendir(fd.get()), closedir);
    if (!directory) return ErrnoError("cannot list " + path);
    fd.Release();
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = readdir(directory.get()); errno = 0) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) return ErrnoError("cannot list " + path);
    return names;
  }

  static Error TooLarge(std::string_view what, std::size_t limit) {
    return {
        ErrorCode::kTooLarge, fmt::format("the installer has more than {} {}", limit, what), {}};
  }

  int source_;
  int destination_;
  TreeLimits limits_;
  std::size_t bytes_ = 0;
  std::vector<std::pair<std::string, std::string>>
      lines_;  // path -> line; std::string compares bytewise
};

Result<UniqueFd> OpenDirectory(const Path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return ErrnoError("cannot open the directory " + path.string());
  return fd;
}

}  // namespace

Result<std::string> DigestTree(const Path& directory, const TreeLimits& limits) {
  PROV_TRY(const UniqueFd source, OpenDirectory(directory));
  return TreeWalk(source.get(), -1, limits).Run();
}

Result<std::string> CopyAndDigestTree(const Path& directory, const Path& destination,
                                      const TreeLimits& limits) {
  PROV_TRY(const UniqueFd source, OpenDirectory(directory));
  if (mkdir(destination.c_str(), 0700) != 0)
    return ErrnoError("cannot make " + destination.string());
  PROV_TRY(const UniqueFd copy, OpenDirectory(destination));
  return TreeWalk(source.get(), copy.get(), limits).Run();
}

}  // namespace prov::signing
