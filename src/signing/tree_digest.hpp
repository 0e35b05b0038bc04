// The digest of an installer's directory, and a copy that is exactly what was digested.
//
// SHA-256 over the lines `type mode size sha256 path\n`, sorted bytewise by path: `f` with mode
// 0755 or 0644 (by the owner's x bit) and the file's SHA-256, or `d 0755 0 -`. Regular files and
// directories only; a symlink, a device, a path with a newline, or one that leaves the directory is
// refused. docs/formats/envelope.md; the directory's own name and entry are not part of it.
// Thread-safe.
#pragma once

#include <string>

#include "base/files.hpp"
#include "base/result.hpp"

namespace prov::signing {

struct TreeLimits {
  std::size_t entries = 10'000;
  std::size_t bytes = 256 * 1024 * 1024;
  std::size_t depth = 16;
  // Refuses, with kPermissionDenied, what belongs to another than root and this process's user, or
  // that others can write.
  bool only_roots = false;
  // Refuses what CopyAndDigestTree would not have made: another owner or mode than it gives, a file
  // with a second name.
  bool as_copied = false;
};

// "sha256:<64 hex digits>". kInvalidArgument names the path that is refused, kTooLarge the limit.
Result<std::string> DigestTree(const Path& directory, const TreeLimits& limits = {});

// The same, writing each byte that is hashed below `destination`, which must not exist: it is made
// with mode 0700. The caller compares the digest and removes the copy where it differs, or on an
// error.
Result<std::string> CopyAndDigestTree(const Path& directory, const Path& destination,
                                      const TreeLimits& limits = {});

}  // namespace prov::signing
