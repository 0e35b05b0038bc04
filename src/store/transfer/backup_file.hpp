// A backup: an SQLite database of the panel's own schema, with one table more, which says of each
// table what it held when the backup was made (docs/formats/store.md, "Backups").
#pragma once

#include <memory>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"
#include "store/sqlite/connection.hpp"
#include "store/transfer/copy.hpp"

namespace prov::store::transfer {

// A file beside others, removed with what SQLite keeps next to it unless it was given a name.
class ScratchFile {
 public:
  // A name in `directory` that is not taken; nothing is there yet.
  explicit ScratchFile(const Path& directory);
  ScratchFile(ScratchFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ~ScratchFile();
  const Path& path() const { return path_; }
  // Durable, under a name that nobody has: kConflict.
  Status Publish(const Path& name);

 private:
  Path path_;
};

class BackupFile {
 public:
  // Empty, in a transaction; with another name until Publish().
  static Result<BackupFile> Create(const Path& file);
  // A copy of it in `scratch`, verified, and in a transaction. kCorrupt for what is no backup or
  // not what it was when it was made, kUnsupported for a newer schema; an older one is brought up
  // to this program's.
  static Result<BackupFile> OpenCopy(const Path& file, const Path& scratch);

  sql::Connection& connection() { return *connection_; }
  Status Publish(const std::vector<Digest>& held);

 private:
  BackupFile(Path name, ScratchFile file, std::unique_ptr<sqlite::Connection> connection)
      : name_(std::move(name)), file_(std::move(file)), connection_(std::move(connection)) {}

  Path name_;
  ScratchFile file_;  // goes after the connection to it
  std::unique_ptr<sqlite::Connection> connection_;
};

}  // namespace prov::store::transfer
