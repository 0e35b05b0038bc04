// Records on disk: length, sequence and checksums before the bytes, for the journal and the log.
//   u32 length of the body | u64 sequence | u32 CRC32C of the body | u32 CRC32C of those 16 bytes
// Little endian. The header has a checksum of its own, so that a torn end (fewer bytes than the
// header promises, or zeros only) is told from damage. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace prov::job {

inline constexpr std::size_t kRecordHeaderBytes = 20;

std::uint32_t Crc32c(std::string_view bytes);

void PutU32(std::string& to, std::uint32_t value);
void PutU64(std::string& to, std::uint64_t value);
std::uint32_t GetU32(std::string_view from);  // the first 4 bytes, which must be there
std::uint64_t GetU64(std::string_view from);  // the first 8 bytes, which must be there

void AppendRecord(std::string& to, std::uint64_t sequence, std::string_view body);

enum class RecordState {
  kWhole,      // `body` is what was written
  kEnd,        // nothing follows
  kTruncated,  // the record ends before its end, or only zeros follow: a write was cut off
  kCorrupt,    // the bytes are not what was written, or a record is missing before this one
};

// Reads records one after another; `body` lives as long as the bytes given.
class RecordReader {
 public:
  RecordReader(std::string_view bytes, std::uint64_t first_sequence)
      : bytes_(bytes), next_(first_sequence) {}
  RecordState Next(std::string_view& body);
  std::size_t offset() const { return offset_; }         // behind the last whole record
  std::uint64_t next_sequence() const { return next_; }  // of the record that would follow

 private:
  std::string_view bytes_;
  std::size_t offset_ = 0;
  std::uint64_t next_;
};

}  // namespace prov::job
