#include "redis/slot.hpp"

namespace prov::redis {
namespace {

// CRC-16/XMODEM: polynomial 0x1021, from 0, not reflected.
constexpr std::uint16_t Crc16(std::string_view bytes) {
  std::uint16_t crc = 0;
  for (const char byte : bytes) {
    crc = static_cast<std::uint16_t>(crc ^ (static_cast<unsigned char>(byte) << 8));
    for (int bit = 0; bit < 8; ++bit)
      crc = static_cast<std::uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
  }
  return crc;
}
static_assert(Crc16("123456789") == 0x31C3);

// What stands between the first "{" and the next "}", if anything does; else all of it.
std::string_view Hashed(std::string_view key) {
  const auto open = key.find('{');
  if (open == key.npos) return key;
  const auto close = key.find('}', open + 1);
  if (close == key.npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

std::uint16_t SlotOf(std::string_view key) { return Crc16(Hashed(key)) % kSlots; }

}  // namespace prov::redis
