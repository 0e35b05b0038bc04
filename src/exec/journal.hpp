// The agent's journal (docs/formats/journal.md): JSON records, appended in groups and made durable
// by one fdatasync. Signed events are records too, so that one fsync covers a change and its
// report. Not thread-safe: the executor is single-threaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "base/files.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"

namespace prov::exec {

enum class Damage {
  kNone,
  kTruncated,  // the end was cut off in mid-record; what stands before is whole
  kCorrupt,    // bytes changed under us; a prefix is whole, what followed is not known
};

struct JournalRecord {
  std::uint64_t sequence = 0;  // from 1, without a gap; goes on over a compaction
  boost::json::value payload;
};

struct OpenedJournal;

class Journal {
 public:
  static constexpr std::size_t kMaxFileBytes = std::size_t{1} << 30;

  // Nothing of it is on disk before the first Sync, with which it comes into the place of whatever
  // is there, whole: its header and all that was appended until then. Of a start that ends before,
  // nothing is left, and the next one can do the same.
  static Journal Begin(const Path& path, const Uuid& epoch);
  // The records of the valid prefix, durable from then on, whatever became of the process that
  // wrote them. A truncated end is cut away on disk. After kCorrupt nothing can be appended (Sync
  // fails): the caller starts a new epoch. kCorrupt as an error when not even the header can be
  // read; kNotFound when there is no journal; kTooLarge above `most_bytes`, which Sync and Compact
  // keep to.
  static Result<OpenedJournal> Open(const Path& path, std::size_t most_bytes = kMaxFileBytes);

  // Buffered until Sync; returns the record's sequence.
  std::uint64_t Append(const boost::json::value& payload);
  bool HasUnsynced() const { return !pending_.empty(); }
  // One write and one fdatasync for all that was appended. After a failure every later Sync fails
  // too: the kernel may have dropped the pages and a second fsync would lie. Open, which would read
  // them from memory, is told so by journal.unsure beside it.
  Status Sync();
  // Replaces the journal by `kept`, renumbered to follow what was there: journal.new, fsync,
  // rename, fsync of the directory. Where that fails before the rename, the journal goes on as it
  // is; behind it, every later Sync fails.
  Status Compact(const std::vector<boost::json::value>& kept);

  const Uuid& epoch() const { return epoch_; }
  std::uint64_t size() const { return size_; }  // bytes on disk
  std::uint64_t next_sequence() const { return next_; }

 private:
  Journal() = default;
  // The whole file: beside the old one, then in its place.
  Status Replace(std::string_view bytes);
  // What was read is made durable, and what stands behind it is cut away.
  Status Settle(std::string_view whole, bool torn);
  bool IsUnderItsName() const;
  Status TooLarge(std::size_t bytes) const;

  Path path_;
  UniqueFd fd_;
  Uuid epoch_;
  std::uint64_t next_ = 1;
  std::uint64_t size_ = 0;
  std::size_t most_bytes_ = kMaxFileBytes;
  std::string pending_;
  bool broken_ = false;
};

struct OpenedJournal {
  Journal journal;
  std::vector<JournalRecord> records;
  Damage damage = Damage::kNone;
  std::uint64_t unread_bytes = 0;  // behind the valid prefix
};

}  // namespace prov::exec
