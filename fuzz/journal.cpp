// The agent's journal after damage (docs/formats/journal.md): what is recovered is a prefix of what
// was written, and a torn journal goes on. The bytes are a journal's own, or (first byte 'w') say
// what is written and how it is damaged.
#include "exec/journal.hpp"

#include <fstream>

#include "exec/framing.hpp"
#include "fuzz/fuzz.hpp"
#include "support/temporary_directory.hpp"

namespace prov::fuzz {
namespace {

using namespace exec;

constexpr std::size_t kHeader = 36;

// In memory where there is such a place: a fuzzer opens thousands of journals a second.
const Path& JournalPath() {
  static const test::TemporaryDirectory directory;
  static const Path path = directory.path() / "journal";
  return path;
}

void Put(std::string_view bytes) {
  std::ofstream(JournalPath(), std::ios::binary | std::ios::trunc) << bytes;
}

std::string Bytes() { return ReadFile(JournalPath(), 1 << 24).value(); }

void CheckGoesOn(OpenedJournal& opened) {
  const auto records = opened.records.size();
  const auto next = opened.journal.next_sequence();
  Require(opened.journal.Append(boost::json::object{{"type", "after"}}) == next, "it goes on");
  const auto synced = opened.journal.Sync();
  Require(synced.has_value() == (opened.damage != Damage::kCorrupt),
          "what is damaged takes no more");
  if (!synced) return;
  const auto again = Journal::Open(JournalPath());
  Require(again && again->damage == Damage::kNone, "what went on is whole");
  Require(again->records.size() == records + 1, "it has one record more");
}

// The bodies of the records, framed again, are the bytes that were read.
void CheckPrefix(const OpenedJournal& opened, std::string_view bytes) {
  const auto whole = opened.journal.size();
  Require(whole + opened.unread_bytes == bytes.size(), "every byte is read or not");
  Require((opened.unread_bytes == 0) == (opened.damage == Damage::kNone),
          "what is not read is damage");
  auto sequence = GetU64(bytes.substr(24));
  RecordReader reader(bytes.substr(kHeader, whole - kHeader), sequence);
  std::string again;
  std::string_view body;
  for (const auto& record : opened.records) {
    Require(record.sequence == sequence, "the records have no gap");
    Require(reader.Next(body) == RecordState::kWhole, "a record is whole");
    AppendRecord(again, sequence++, body);
  }
  Require(bytes.substr(kHeader, whole - kHeader) == again,
          "the records are the bytes that were read");
}

void CheckBytes(std::string_view bytes) {
  Put(bytes);
  auto opened = Journal::Open(JournalPath());
  if (!opened) {
    Require(opened.error().code == ErrorCode::kCorrupt, "what is no journal is corrupt");
    Require(Bytes() == bytes, "what is no journal is left as it is");
    return;
  }
  CheckPrefix(*opened, bytes);
  if (opened->damage == Damage::kCorrupt)
    Require(Bytes() == bytes, "a damaged journal is evidence");
  CheckGoesOn(*opened);
}

std::vector<std::string> Payloads(const std::vector<JournalRecord>& records) {
  std::vector<std::string> payloads;
  for (const auto& record : records) payloads.push_back(boost::json::serialize(record.payload));
  return payloads;
}

// What a disk does to the end of a file, or to a byte of it.
void Damaged(std::string& bytes, Input& input) {
  const auto kind = input.Byte();
  const auto at = input.Number() % (bytes.size() + 1);
  if (kind % 3 == 0) bytes.resize(at);
  if (kind % 3 == 1 && at < bytes.size()) bytes[at] ^= static_cast<char>(1 + input.Byte() % 255);
  if (kind % 3 == 2) bytes.replace(at, bytes.npos, std::string(bytes.size() - at, '\0'));
}

void CheckWrittenJournal(Input input) {
  std::filesystem::remove(JournalPath());
  auto journal = Journal::Begin(JournalPath(), Uuid{});
  for (auto records = input.Byte() % 8; records > 0; --records) {
    journal.Append(boost::json::object{{"text", input.Text()}});
    if (input.Byte() % 2 == 0) Require(journal.Sync().has_value(), "it is written");
  }
  Require(journal.Sync().has_value(), "it is written");
  if (input.Byte() % 4 == 0)
    Require(journal.Compact({boost::json::value(7)}).has_value(), "it is compacted");
  const auto written = Payloads(Journal::Open(JournalPath())->records);
  auto bytes = Bytes();
  const auto before = bytes;
  Damaged(bytes, input);
  Put(bytes);
  if (const auto opened = Journal::Open(JournalPath())) {
    const auto found = Payloads(opened->records);
    Require(found.size() <= written.size() &&
                std::ranges::equal(found, std::span(written).first(found.size())),
            "what is recovered is a prefix of what was written");
    if (bytes == before) Require(found.size() == written.size(), "without damage all is there");
  } else {
    Require(bytes.substr(0, kHeader) != before.substr(0, kHeader),
            "only a damaged header is no journal");
  }
  CheckBytes(bytes);
}

}  // namespace

void FuzzJournal(std::string_view bytes) {
  if (!bytes.starts_with('w')) return CheckBytes(bytes);
  CheckWrittenJournal(Input(bytes.substr(1)));
}

}  // namespace prov::fuzz
