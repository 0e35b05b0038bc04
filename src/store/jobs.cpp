#include "store/jobs.hpp"

#include <algorithm>

namespace prov::store {

std::optional<Millis> Median(std::vector<Millis> durations) {
  if (durations.empty()) return std::nullopt;
  const auto middle = durations.begin() + static_cast<std::ptrdiff_t>((durations.size() - 1) / 2);
  std::nth_element(durations.begin(), middle, durations.end());
  return *middle;
}

}  // namespace prov::store
