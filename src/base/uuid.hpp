// UUIDs (RFC 9562). Ids made by the platform are version 7: they sort by creation time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace prov {

class Uuid {
 public:
  Uuid() = default;  // the nil UUID
  static Uuid MakeV7(const Clock& clock, Random& random);
  // Lower-case canonical form only ("018f…-…"), so that an id has one spelling; kInvalidArgument
  // otherwise.
  static Result<Uuid> Parse(std::string_view text);

  std::string ToString() const;
  int Version() const { return bytes_[6] >> 4; }
  // The creation time in a version 7 id; meaningless in others.
  WallTime Time() const;
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  auto operator<=>(const Uuid&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace prov

template <>
struct std::hash<prov::Uuid> {
  std::size_t operator()(const prov::Uuid& id) const noexcept;
};
