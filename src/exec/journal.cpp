#include "exec/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/json.hpp"
#include "exec/framing.hpp"

namespace prov::exec {
namespace {

constexpr std::string_view kMagic = "PROVJNL1";
constexpr std::size_t kHeaderBytes = 8 + 16 + 8 + 4;

std::string Header(const Uuid& epoch, std::uint64_t first) {
  std::string header(kMagic);
  for (const auto byte : epoch.bytes()) header.push_back(static_cast<char>(byte));
  PutU64(header, first);
  PutU32(header, Crc32c(header));
  return header;
}

Result<Uuid> UuidFromBytes(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return Uuid::Parse(text);
}

UniqueFd OpenToAppend(const Path& path) {
  return UniqueFd(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
}

// There while what memory holds of the journal may not be what the disk does. Not fsynced: a power
// cut ends that, and takes it along or leaves it without harm.
Path Unsure(const Path& journal) { return journal.string() + ".unsure"; }

void NoteUnsure(const Path& journal) {
  UniqueFd(open(Unsure(journal).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

}  // namespace

Journal Journal::Begin(const Path& path, const Uuid& epoch) {
  Journal journal;
  journal.path_ = path;
  journal.epoch_ = epoch;
  return journal;
}

Result<OpenedJournal> Journal::Open(const Path& path, std::size_t most_bytes) {
  PROV_TRY(const auto bytes, ReadFile(path, most_bytes));
  const std::string_view view(bytes);
  if (view.size() < kHeaderBytes || !view.starts_with(kMagic) ||
      GetU32(view.substr(32)) != Crc32c(view.substr(0, 32))) {
    return Error{ErrorCode::kCorrupt, path.string() + " is no journal: its header is damaged.", {}};
  }
  OpenedJournal opened{Journal{}, {}, Damage::kNone, 0};
  auto& journal = opened.journal;
  journal.path_ = path;
  journal.most_bytes_ = most_bytes;
  PROV_TRY(journal.epoch_, UuidFromBytes(view.substr(8, 16)));
  RecordReader reader(view.substr(kHeaderBytes), GetU64(view.substr(24)));
  std::string_view body;
  RecordState state;
  std::size_t whole = 0;
  while ((state = reader.Next(body)) == RecordState::kWhole) {
    auto payload = json::ParseText(body, {.bytes = body.size() + 1, .depth = 64});
    if (!payload) {
      state = RecordState::kCorrupt;
      break;
    }
    opened.records.push_back({reader.next_sequence() - 1, std::move(*payload)});
    whole = reader.offset();
  }
  journal.next_ =
      opened.records.empty() ? GetU64(view.substr(24)) : opened.records.back().sequence + 1;
  journal.size_ = kHeaderBytes + whole;
  opened.unread_bytes = bytes.size() - journal.size_;
  journal.fd_ = OpenToAppend(path);
  if (!journal.fd_) return ErrnoError("cannot open " + path.string());
  if (state == RecordState::kCorrupt) {
    opened.damage = Damage::kCorrupt;
    journal.broken_ = true;
    return opened;
  }
  const bool torn = state == RecordState::kTruncated;
  if (torn) opened.damage = Damage::kTruncated;
  PROV_CHECK(journal.Settle(view.substr(0, journal.size_), torn));
  return opened;
}

Status Journal::Settle(std::string_view whole, bool torn) {
  // After a failed fsync the kernel takes the pages for clean: a second one would write nothing.
  if (access(Unsure(path_).c_str(), F_OK) == 0) return Replace(whole);
  if (torn && ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
    return ErrnoError("cannot cut the torn end off " + path_.string());
  // Who wrote it may have been killed before its fsync, or before that of the name.
  if (fsync(fd_.get()) != 0) {
    auto error = ErrnoError("cannot make " + path_.string() + " durable");
    NoteUnsure(path_);
    return error;
  }
  return SyncDirectory(path_.parent_path());
}

std::uint64_t Journal::Append(const boost::json::value& payload) {
  AppendRecord(pending_, next_, json::Serialize(payload));
  return next_++;
}

Status Journal::Sync() {
  if (broken_) {
    return Error{ErrorCode::kIo, "The journal failed before and takes nothing more.", {}};
  }
  if (!fd_) {
    PROV_CHECK(Replace(Header(epoch_, 1) + pending_));
    pending_.clear();
    return {};
  }
  if (pending_.empty()) return {};
  if (size_ + pending_.size() > most_bytes_) return TooLarge(size_ + pending_.size());
  broken_ = true;  // until proven otherwise, on every way out
  PROV_CHECK(WriteAll(fd_.get(), pending_));
  if (fdatasync(fd_.get()) != 0) {
    auto error = ErrnoError("cannot make the journal durable");
    NoteUnsure(path_);
    return error;
  }
  broken_ = false;
  size_ += pending_.size();
  pending_.clear();
  return {};
}

Status Journal::Compact(const std::vector<boost::json::value>& kept) {
  PROV_CHECK(Sync());
  auto bytes = Header(epoch_, next_);
  auto next = next_;
  for (const auto& payload : kept) AppendRecord(bytes, next++, json::Serialize(payload));
  PROV_CHECK(Replace(bytes));
  next_ = next;
  return {};
}

Status Journal::Replace(std::string_view bytes) {
  if (bytes.size() > most_bytes_) return TooLarge(bytes.size());
  if (auto written = WriteFileAtomically(path_, bytes, 0600); !written) {
    // Behind the rename, what is appended here would have no name.
    broken_ = !IsUnderItsName();
    return written;
  }
  broken_ = true;
  fd_ = OpenToAppend(path_);
  if (!fd_) return ErrnoError("cannot open the new " + path_.string());
  broken_ = false;
  size_ = bytes.size();
  unlink(Unsure(path_).c_str());
  return {};
}

bool Journal::IsUnderItsName() const {
  struct stat here{};
  struct stat named{};
  return fstat(fd_.get(), &here) == 0 && lstat(path_.c_str(), &named) == 0 &&
         here.st_ino == named.st_ino && here.st_dev == named.st_dev;
}

Status Journal::TooLarge(std::size_t bytes) const {
  return Error{ErrorCode::kTooLarge,
               fmt::format("{} would be {} bytes long; above {} it could not be read again",
                           path_.string(), bytes, most_bytes_),
               {}};
}

}  // namespace prov::exec
