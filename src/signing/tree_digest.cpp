#include "signing/tree_digest.hpp"

#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <map>
#include <memory>
#include <sodium.h>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "signing/mac.hpp"

namespace prov::signing {
namespace {

Result<UniqueFd> OpenBeneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const auto fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  if (errno == ENOSYS) return Error{ErrorCode::kUnsupported, "the kernel has no openat2", {}};
  if (errno == ELOOP) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is a symbolic link", path), {}};
  }
  return ErrnoError(fmt::format("cannot open '{}'", path));
}

Result<std::vector<std::string>> Names(UniqueFd directory, const std::string& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(directory.get()), closedir);
  if (!stream) return ErrnoError(fmt::format("cannot list '{}'", path));
  static_cast<void>(directory.Release());
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  if (errno != 0) return ErrnoError(fmt::format("cannot list '{}'", path));
  return names;
}

class Walk {
 public:
  Walk(int root, int destination, const TreeLimits& limits)
      : root_(root), destination_(destination), limits_(limits) {}

  Status Directory(const std::string& path, int depth) {
    if (depth > limits_.depth) return TooLarge("is nested too deeply");
    PROV_TRY(auto fd, OpenBeneath(root_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
    PROV_TRY(const auto names, Names(std::move(fd), path));
    for (const auto& name : names) {
      PROV_CHECK(Entry(path.empty() ? name : path + "/" + name, depth));
    }
    return {};
  }

  std::string Digest() const {
    std::string text;
    for (const auto& [path, line] : lines_) text += line + path + "\n";
    return "sha256:" + HexEncode(Sha256(text));
  }

 private:
  Status TooLarge(std::string_view what) const {
    return Error{ErrorCode::kTooLarge, fmt::format("the installer {}", what), {}};
  }

  Status Entry(const std::string& path, int depth) {
    if (path.find('\n') != std::string::npos) {
      return Error{ErrorCode::kInvalidArgument, "a file's name holds a newline", {}};
    }
    if (lines_.size() >= limits_.entries) return TooLarge("has too many files");
    // Looked at before it is opened: opening a device can do things.
    PROV_TRY(const auto handle, OpenBeneath(root_, path, O_PATH));
    struct stat found{};
    if (fstat(handle.get(), &found) != 0) return ErrnoError(fmt::format("cannot stat '{}'", path));
    if (S_ISREG(found.st_mode)) return File(path);
    if (!S_ISDIR(found.st_mode)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("'{}' is neither a regular file nor a directory", path),
                   {}};
    }
    lines_[path] = "d 0755 0 - ";
    if (destination_ >= 0 && (mkdirat(destination_, path.c_str(), 0700) != 0 ||
                              fchmodat(destination_, path.c_str(), 0755, 0) != 0)) {
      return ErrnoError(fmt::format("cannot make '{}'", path));
    }
    return Directory(path, depth + 1);
  }

  Status File(const std::string& path) {
    PROV_TRY(const auto from, OpenBeneath(root_, path, O_RDONLY | O_NONBLOCK));
    struct stat found{};
    if (fstat(from.get(), &found) != 0) return ErrnoError(fmt::format("cannot stat '{}'", path));
    if (!S_ISREG(found.st_mode)) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' was exchanged", path), {}};
    }
    const mode_t mode = (found.st_mode & S_IXUSR) != 0 ? 0755 : 0644;
    UniqueFd to;
    if (destination_ >= 0) {
      PROV_TRY(to, Create(path, mode));
    }
    return Hash(path, from.get(), to.get(), mode);
  }

  Result<UniqueFd> Create(const std::string& path, mode_t mode) const {
    UniqueFd to(openat(destination_, path.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!to || fchmod(to.get(), mode) != 0) {
      return ErrnoError(fmt::format("cannot create '{}'", path));
    }
    return to;
  }

  Status Hash(const std::string& path, int from, int to, mode_t mode) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    std::uint64_t size = 0;
    std::array<unsigned char, 65536> buffer;
    while (true) {
      const ssize_t got = read(from, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoError(fmt::format("cannot read '{}'", path));
      if (got == 0) break;
      const auto count = static_cast<std::size_t>(got);
      size += count, bytes_ += count;
      if (bytes_ > limits_.bytes) return TooLarge("has too many bytes");
      crypto_hash_sha256_update(&state, buffer.data(), count);
      if (to >= 0) {
        PROV_CHECK(WriteAll(to, {reinterpret_cast<const char*>(buffer.data()), count}));
      }
    }
    std::string digest(crypto_hash_sha256_BYTES, '\0');
    crypto_hash_sha256_final(&state, reinterpret_cast<unsigned char*>(digest.data()));
    lines_[path] = fmt::format("f {:04o} {} {} ", mode, size, HexEncode(digest));
    return {};
  }

  int root_;
  int destination_;
  TreeLimits limits_;
  std::uint64_t bytes_ = 0;
  std::map<std::string, std::string> lines_;  // path to the line's beginning, bytewise
};

Result<std::string> WalkTree(const Path& root, int destination, const TreeLimits& limits) {
  const UniqueFd fd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return ErrnoError(fmt::format("cannot open {}", root.string()));
  Walk walk(fd.get(), destination, limits);
  if (auto walked = walk.Directory("", 0); !walked) {
    return std::move(walked).error().While("reading the installer " + root.string());
  }
  return walk.Digest();
}

}  // namespace

Result<std::string> TreeDigest(const Path& root, const TreeLimits& limits) {
  return WalkTree(root, -1, limits);
}

Result<std::string> CopyTree(const Path& root, const Path& destination, const TreeLimits& limits) {
  const UniqueFd fd(open(destination.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return ErrnoError(fmt::format("cannot open {}", destination.string()));
  return WalkTree(root, fd.get(), limits);
}

}  // namespace prov::signing
