#include "exec/journal.hpp"

#include <fcntl.h>
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

}  // namespace

Result<Journal> Journal::Create(const Path& path, const Uuid& epoch) {
  if (std::filesystem::exists(path))
    return Error{ErrorCode::kConflict, path.string() + " exists already.", {}};
  PROV_CHECK(WriteFileAtomically(path, Header(epoch, 1), 0600));
  PROV_TRY(auto opened, Open(path));
  return std::move(opened.journal);
}

Result<OpenedJournal> Journal::Open(const Path& path) {
  PROV_TRY(const auto bytes, ReadFile(path, kMaxFileBytes));
  const std::string_view view(bytes);
  if (view.size() < kHeaderBytes || !view.starts_with(kMagic) ||
      GetU32(view.substr(32)) != Crc32c(view.substr(0, 32))) {
    return Error{ErrorCode::kCorrupt, path.string() + " is no journal: its header is damaged.", {}};
  }
  OpenedJournal opened{Journal{}, {}, Damage::kNone, 0};
  auto& journal = opened.journal;
  journal.path_ = path;
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
  journal.fd_ = UniqueFd(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!journal.fd_) return ErrnoError("cannot open " + path.string());
  if (state == RecordState::kCorrupt) {
    opened.damage = Damage::kCorrupt;
    journal.broken_ = true;
  } else if (state == RecordState::kTruncated) {
    opened.damage = Damage::kTruncated;
    if (ftruncate(journal.fd_.get(), static_cast<off_t>(journal.size_)) != 0 ||
        fsync(journal.fd_.get()) != 0) {
      return ErrnoError("cannot cut the torn end off " + path.string());
    }
  }
  return opened;
}

std::uint64_t Journal::Append(const boost::json::value& payload) {
  AppendRecord(pending_, next_, json::Serialize(payload));
  return next_++;
}

Status Journal::Sync() {
  if (broken_) {
    return Error{ErrorCode::kIo, "The journal failed before and takes nothing more.", {}};
  }
  if (pending_.empty()) return {};
  broken_ = true;  // until proven otherwise, on every way out
  PROV_CHECK(WriteAll(fd_.get(), pending_));
  if (fdatasync(fd_.get()) != 0) return ErrnoError("cannot make the journal durable");
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
  PROV_CHECK(WriteFileAtomically(path_, bytes, 0600));
  broken_ = true;
  fd_ = UniqueFd(open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!fd_) return ErrnoError("cannot open the compacted journal");
  broken_ = false;
  next_ = next;
  size_ = bytes.size();
  return {};
}

}  // namespace prov::exec
