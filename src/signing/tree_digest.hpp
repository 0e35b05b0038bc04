// The digest of an installer's directory (docs/formats/envelope.md, "Installer digest"): SHA-256
// over one line for each file and directory below the root, sorted bytewise by path,
//
//   f 0644 1234 <sha256 of the bytes, hex> files/site.conf
//   d 0755 0 - files
//
// each ended by a newline. Mode 0755 or 0644 by the owner's x bit, directories 0755. Everything is
// opened with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), so nothing outside is ever read.
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/files.hpp"
#include "base/result.hpp"

namespace prov::signing {

struct TreeLimits {
  std::size_t entries = 10'000;
  std::uint64_t bytes = 256ULL << 20;
  int depth = 32;
};

// "sha256:<hex>". kInvalidArgument for a symbolic link, a device, a socket, a FIFO or a newline in
// a name; kTooLarge over the limits; kUnsupported without openat2.
Result<std::string> TreeDigest(const Path& root, const TreeLimits& limits = {});

// The same, and what was hashed is what was copied: each file is read once. `destination` must be
// an empty directory that only its owner can enter. Not made durable: no fsync. What was copied
// before an error stays; the caller removes it.
Result<std::string> CopyTree(const Path& root, const Path& destination,
                             const TreeLimits& limits = {});

}  // namespace prov::signing
