// A disk that keeps only what it was told to: of a file what it held at its last fsync, of a
// directory the names it had at its own. Stricter than any file system, and so what a power cut may
// leave at worst. One at a time; it sees the fsyncs of this process and of what it forks.
#pragma once

#include <filesystem>

#include "support/temporary_directory.hpp"

namespace prov::test {

class PowerCut {
 public:
  // What is below `root` now is durable; `root` itself stays whatever comes.
  explicit PowerCut(std::filesystem::path root);
  PowerCut(const PowerCut&) = delete;
  ~PowerCut();
  // Nothing below may be open, but for reading.
  void Strike();

 private:
  void KeepTree(const std::filesystem::path& directory);
  void Restore(const std::filesystem::path& from, const std::filesystem::path& to);

  std::filesystem::path root_;
  TemporaryDirectory disk_;
};

// While it lives, every fsync of `file` fails (of a directory: of its names). One at a time.
class SyncFailure {
 public:
  explicit SyncFailure(const std::filesystem::path& file);
  SyncFailure(const SyncFailure&) = delete;
  ~SyncFailure();
};

}  // namespace prov::test
