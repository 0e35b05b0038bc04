#include "base/uuid.hpp"

#include <cstring>

#include "base/encoding.hpp"

namespace prov {

Uuid Uuid::MakeV7(const Clock& clock, Random& random) {
  Uuid id;
  random.Fill(id.bytes_.data(), id.bytes_.size());
  const auto millis = static_cast<std::uint64_t>(clock.Now().time_since_epoch().count());
  for (int i = 0; i < 6; ++i) id.bytes_[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  id.bytes_[6] = static_cast<std::uint8_t>((id.bytes_[6] & 0x0F) | 0x70);
  id.bytes_[8] = static_cast<std::uint8_t>((id.bytes_[8] & 0x3F) | 0x80);
  return id;
}

Result<Uuid> Uuid::Parse(std::string_view text) {
  const Error malformed{
      ErrorCode::kInvalidArgument,
      "not a UUID; write it in lower case as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
      {}};
  if (text.size() != 36) return malformed;
  std::string hex;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return malformed;
    if (!dash) hex += text[i];
  }
  const auto bytes = HexDecode(hex);
  if (!bytes) return malformed;
  Uuid id;
  std::memcpy(id.bytes_.data(), bytes->data(), id.bytes_.size());
  return id;
}

std::string Uuid::ToString() const {
  const auto hex = HexEncode({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()});
  const std::string_view digits = hex;
  std::string text;
  text.reserve(36);
  for (const std::size_t from : {0, 8, 12, 16}) {
    text.append(digits.substr(from, from == 0 ? 8 : 4)).push_back('-');
  }
  return text.append(digits.substr(20));
}

WallTime Uuid::Time() const {
  std::int64_t millis = 0;
  for (int i = 0; i < 6; ++i) millis = millis << 8 | bytes_[i];
  return WallTime{Millis{millis}};
}

}  // namespace prov

std::size_t std::hash<prov::Uuid>::operator()(const prov::Uuid& id) const noexcept {
  std::size_t value = 0;  // the last bytes of an id are random in every version the platform makes
  std::memcpy(&value, id.bytes().data() + 8, sizeof value);
  return value;
}
