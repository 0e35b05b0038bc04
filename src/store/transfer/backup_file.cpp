#include "store/transfer/backup_file.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "store/sqlite/schema.hpp"

namespace prov::store::transfer {
namespace {

// "prvb", at its place in the header of an SQLite file.
constexpr std::int64_t kApplicationId = 0x70727662;

constexpr const char* kContents = R"sql(
CREATE TABLE backup_contents (
  name TEXT PRIMARY KEY, key INTEGER NOT NULL, columns TEXT NOT NULL, rows INTEGER NOT NULL,
  sha256 BLOB NOT NULL
) WITHOUT ROWID;
)sql";

Error NoBackup(const Path& file) {
  return {ErrorCode::kCorrupt,
          fmt::format("{} is no file that `provisioning-panel backup` made.", file.string()),
          {}};
}

Result<std::int64_t> Number(sqlite::Connection& connection, std::string_view pragma) {
  std::int64_t number = 0;
  PROV_CHECK(connection.Query(pragma, {}, [&](const sql::Row& row) { number = row.Int(0); }));
  return number;
}

Status CopyBytes(const Path& from, const Path& to) {
  const UniqueFd source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) return ErrnoError("opening the backup " + from.string());
  const UniqueFd target(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) return ErrnoError("making a copy of the backup, " + to.string());
  while (true) {
    const auto sent = sendfile(target.get(), source.get(), nullptr, 1 << 30);
    if (sent == 0) return {};
    if (sent < 0 && errno != EINTR) return ErrnoError("copying the backup to " + to.string());
  }
}

struct Held {
  Table table;
  Digest digest;
};

Result<std::vector<Held>> ReadContents(sqlite::Connection& connection, const Path& file) {
  std::vector<Held> contents;
  bool good = true;
  const auto read = connection.Query(
      "SELECT name, key, columns, rows, sha256 FROM backup_contents ORDER BY name", {},
      [&](const sql::Row& row) {
        auto columns = ParseColumns(row.Text(2));
        // A name becomes a part of a statement.
        const auto named = ParseColumns(row.Text(0) + ":text");
        const auto key = static_cast<std::size_t>(row.Int(1));
        good = good && columns && named && key >= 1 && key <= columns->size();
        if (!good) return;
        contents.push_back({{row.Text(0), key, std::move(*columns)},
                            {row.Text(0), static_cast<std::uint64_t>(row.Int(3)), row.Text(4)}});
      });
  if (read.has_error() || !good || contents.empty()) return NoBackup(file);
  return contents;
}

Status Verify(sqlite::Connection& connection, const Path& file) {
  const auto application = Number(connection, "PRAGMA application_id");
  if (!application || *application != kApplicationId) return NoBackup(file);
  PROV_CHECK(sqlite::CheckVersion(connection));
  PROV_TRY(const auto contents, ReadContents(connection, file));
  for (const auto& [table, held] : contents) {
    const auto now = DigestOf(connection, table);
    if (now && *now == held) continue;
    return Error{ErrorCode::kCorrupt,
                 fmt::format("the backup {} is damaged: its table {} is not what it was when the "
                             "backup was made; take another one.",
                             file.string(), table.name)};
  }
  return {};
}

}  // namespace

ScratchFile::ScratchFile(const Path& directory)
    : path_(directory / (".partial-" + HexEncode(SystemRandom().Bytes(8)))) {}

ScratchFile::~ScratchFile() {
  if (path_.empty()) return;
  for (const auto* end : {"", "-wal", "-shm", "-journal"}) unlink((path_.string() + end).c_str());
}

Status ScratchFile::Publish(const Path& name) {
  const UniqueFd fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) return ErrnoError("making " + path_.string() + " durable");
  // Not rename(), which takes the place of what is there.
  if (link(path_.c_str(), name.c_str()) != 0)
    return ErrnoError("giving the backup its name, " + name.string());
  unlink(path_.c_str());
  path_.clear();
  return SyncDirectory(name.has_parent_path() ? name.parent_path() : Path("."));
}

Result<BackupFile> BackupFile::Create(const Path& file) {
  if (std::filesystem::exists(file)) {
    return Error{
        ErrorCode::kConflict,
        fmt::format("{} is there already: a backup takes the place of nothing.", file.string())};
  }
  ScratchFile scratch(file.has_parent_path() ? file.parent_path() : Path("."));
  PROV_TRY(auto connection, sqlite::Connection::Open(scratch.path(), {}));
  // All of it is in the one file from the beginning.
  PROV_CHECK(connection->TakeAlone());
  PROV_CHECK(sqlite::Migrate(*connection));
  PROV_CHECK(connection->BeginWrite());
  return BackupFile(file, std::move(scratch), std::move(connection));
}

Status BackupFile::Publish(const std::vector<Digest>& held) {
  PROV_CHECK(connection_->Script(kContents));
  PROV_CHECK(connection_->Script(fmt::format("PRAGMA application_id={}", kApplicationId)));
  for (std::size_t i = 0; i < held.size(); ++i) {
    const auto& table = Tables()[i];
    PROV_CHECK(
        connection_->Run("INSERT INTO backup_contents VALUES (?1, ?2, ?3, ?4, ?5)",
                         {table.name, static_cast<std::int64_t>(table.key), table.Describe(),
                          static_cast<std::int64_t>(held[i].rows), sql::Blob{held[i].sha256}}));
  }
  PROV_CHECK(connection_->Commit());
  connection_.reset();
  return file_.Publish(name_);
}

Result<BackupFile> BackupFile::OpenCopy(const Path& file, const Path& scratch) {
  ScratchFile copy(scratch);
  PROV_CHECK(CopyBytes(file, copy.path()));
  auto connection = sqlite::Connection::Open(copy.path(), {});
  if (!connection) {
    if (connection.error().code == ErrorCode::kCorrupt) return NoBackup(file);
    return std::move(connection).error();
  }
  PROV_CHECK(Verify(**connection, file));
  PROV_CHECK(sqlite::Migrate(**connection));
  PROV_CHECK((*connection)->BeginRead());
  return BackupFile(file, std::move(copy), std::move(*connection));
}

}  // namespace prov::store::transfer
