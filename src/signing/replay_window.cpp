#include "signing/replay_window.hpp"

#include <fmt/format.h>

namespace prov::signing {
namespace {

Error Invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), {}}; }

}  // namespace

Status CheckValidity(WallTime issued_at, WallTime not_before, WallTime expires_at, WallTime now) {
  if (expires_at <= not_before || not_before < issued_at) {
    return Invalid("the times must be in order: issued, not before, expires");
  }
  if (expires_at - issued_at > kLongestValidity) return Invalid("valid for more than 24 hours");
  if (now + kClockSkew < not_before) return Invalid("not valid before " + FormatTime(not_before));
  if (now - kClockSkew >= expires_at) return Invalid("expired at " + FormatTime(expires_at));
  return {};
}

Status ReplayWindow::Take(std::string_view nonce, WallTime expires_at, WallTime now) {
  Forget(now);
  if (nonce.size() < 16 || nonce.size() > 64) return Invalid("a nonce has 16 to 64 characters");
  if (Contains(nonce)) return Error{ErrorCode::kConflict, "this nonce was taken before", {}};
  if (nonces_.size() >= most_) {
    return Error{
        ErrorCode::kExhausted, fmt::format("more than {} nonces are valid at once", most_), {}};
  }
  // What carried it is refused after its expiry and the skew, so the nonce need not be remembered
  // longer. Twice the skew, because the clock may be set back by as much.
  const WallTime until = expires_at + 2 * kClockSkew;
  nonces_.emplace(nonce, until);
  by_expiry_.emplace(until, nonce);
  return {};
}

void ReplayWindow::Forget(WallTime now) {
  while (!by_expiry_.empty() && by_expiry_.begin()->first < now) {
    nonces_.erase(by_expiry_.begin()->second);
    by_expiry_.erase(by_expiry_.begin());
  }
}

}  // namespace prov::signing
