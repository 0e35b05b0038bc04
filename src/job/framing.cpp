#include "job/framing.hpp"

#include <cstring>

#include <boost/crc.hpp>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace prov::job {
namespace {

#if defined(__x86_64__)
// The processor's own instruction for this very polynomial: a log is summed four times on its way.
[[gnu::target("sse4.2")]] std::uint32_t Crc32cOfProcessor(std::string_view bytes) {
  std::uint64_t sum = 0xFFFFFFFF;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    sum = _mm_crc32_u64(sum, word);
  }
  auto rest = static_cast<std::uint32_t>(sum);
  for (const char byte : bytes) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(byte));
  return ~rest;
}
#endif

}  // namespace

std::uint32_t Crc32c(std::string_view bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return Crc32cOfProcessor(bytes);
#endif
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

void PutU32(std::string& to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) to.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

void PutU64(std::string& to, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) to.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

std::uint32_t GetU32(std::string_view from) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= std::uint32_t{static_cast<unsigned char>(from[i])} << (8 * i);
  return value;
}

std::uint64_t GetU64(std::string_view from) {
  return GetU32(from) | (std::uint64_t{GetU32(from.substr(4))} << 32);
}

void AppendRecord(std::string& to, std::uint64_t sequence, std::string_view body) {
  const std::size_t start = to.size();
  PutU32(to, static_cast<std::uint32_t>(body.size()));
  PutU64(to, sequence);
  PutU32(to, Crc32c(body));
  PutU32(to, Crc32c(std::string_view(to).substr(start, 16)));
  to.append(body);
}

RecordState RecordReader::Next(std::string_view& body) {
  const auto rest = bytes_.substr(offset_);
  if (rest.empty()) return RecordState::kEnd;
  if (rest.find_first_not_of('\0') == rest.npos) return RecordState::kTruncated;
  if (rest.size() < kRecordHeaderBytes) return RecordState::kTruncated;
  if (GetU32(rest.substr(16)) != Crc32c(rest.substr(0, 16))) return RecordState::kCorrupt;
  const std::size_t length = GetU32(rest);
  if (GetU64(rest.substr(4)) != next_) return RecordState::kCorrupt;
  if (rest.size() - kRecordHeaderBytes < length) return RecordState::kTruncated;
  const auto found = rest.substr(kRecordHeaderBytes, length);
  if (GetU32(rest.substr(12)) != Crc32c(found)) return RecordState::kCorrupt;
  body = found;
  offset_ += kRecordHeaderBytes + length;
  ++next_;
  return RecordState::kWhole;
}

}  // namespace prov::job
