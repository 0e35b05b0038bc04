#include "signing/replay_window.hpp"

namespace prov::signing {

Status CheckValidity(WallTime not_before, WallTime expires_at, WallTime now) {
  if (now > expires_at + kSkew) {
    return Error{ErrorCode::kTimeout, "it expired at " + FormatTime(expires_at), {}};
  }
  if (now + kSkew < not_before) {
    return Error{
        ErrorCode::kPermissionDenied, "it is not valid before " + FormatTime(not_before), {}};
  }
  return {};
}

Status ReplayWindow::Take(std::string_view nonce, WallTime not_before, WallTime expires_at,
                          WallTime now) {
  PROV_CHECK(CheckValidity(not_before, expires_at, now));
  Forget(now);
  if (Contains(nonce)) return Error{ErrorCode::kConflict, "its nonce was seen before", {}};
  if (seen_.size() >= capacity_) {
    return Error{ErrorCode::kExhausted, "too many messages within their validity", {}};
  }
  Restore(nonce, expires_at + kSkew);
  return {};
}

std::vector<std::pair<std::string, WallTime>> ReplayWindow::Entries() const {
  return {seen_.begin(), seen_.end()};
}

void ReplayWindow::Restore(std::string_view nonce, WallTime until) {
  const auto [place, is_new] = seen_.try_emplace(std::string(nonce), until);
  if (!is_new) {
    by_time_.erase({place->second, place->first});
    place->second = std::max(place->second, until);
  }
  by_time_.emplace(place->second, place->first);
}

void ReplayWindow::Forget(WallTime now) {
  while (!by_time_.empty() && by_time_.begin()->first < now) {
    seen_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
}

}  // namespace prov::signing
