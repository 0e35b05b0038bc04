#include "net/backoff.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace prov::net {

Millis Backoff::Next() {
  std::uint16_t chance = 0;
  random_.Fill(&chance, sizeof chance);
  const auto pause = std::exchange(next_, std::min(2 * next_, longest_));
  return pause / 2 + pause / 2 * chance / 0xffff;
}

}  // namespace prov::net
