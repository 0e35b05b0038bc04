// Files and descriptors. Every function that creates something durable says which fsyncs it did.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include "base/result.hpp"

namespace prov {

using Path = std::filesystem::path;

// Owns a file descriptor; closes it once.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Reset(); }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The whole file; kTooLarge above `limit` bytes.
Result<std::string> ReadFile(const Path& path, std::size_t limit);
// All of `bytes`, over short writes and EINTR.
Status WriteAll(int fd, std::string_view bytes);
// Writes beside `path`, fsyncs, renames over it, fsyncs the directory: after a crash the old or the
// new, whole.
Status WriteFileAtomically(const Path& path, std::string_view bytes, mode_t mode);
// fsync of a directory, which makes names in it durable.
Status SyncDirectory(const Path& path);
// Creates a directory and its missing parents with `mode`, and makes the names durable.
Status MakeDirectories(const Path& path, mode_t mode);

}  // namespace prov
