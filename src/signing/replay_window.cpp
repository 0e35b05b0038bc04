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

Status ReplayWindow::Take(std::string_view nonce, Times times, WallTime now) {
  // What carried it is refused after its expiry and the skew, so the nonce need not be remembered
  // longer. Twice the skew, because the clock may be set back by as much.
  while (!by_expiry_.empty() && by_expiry_.begin()->first + 2 * kClockSkew < now)
    Remove(by_expiry_.begin()->second);
  if (nonce.size() < 16 || nonce.size() > 64) return Invalid("a nonce has 16 to 64 characters");
  if (Contains(nonce)) return Error{ErrorCode::kConflict, "this nonce was taken before", {}};
  if (forgotten_until_ && times.issued_at <= *forgotten_until_) {
    return Error{ErrorCode::kConflict,
                 fmt::format("so much came since {} that nonces from before are forgotten",
                             FormatTime(*forgotten_until_)),
                 {}};
  }
  const auto taken = nonces_.emplace(nonce, times).first;
  by_issue_.emplace(times.issued_at, taken->first);
  by_expiry_.emplace(times.expires_at, taken->first);
  if (nonces_.size() > most_) ForgetUntil(by_issue_.begin()->first);
  return {};
}

void ReplayWindow::ForgetUntil(WallTime issued_at) {
  if (!forgotten_until_ || issued_at > *forgotten_until_) forgotten_until_ = issued_at;
  while (!by_issue_.empty() && by_issue_.begin()->first <= issued_at)
    Remove(by_issue_.begin()->second);
}

void ReplayWindow::Remove(std::string_view nonce) {
  const auto found = nonces_.find(nonce);
  by_issue_.erase({found->second.issued_at, found->first});
  by_expiry_.erase({found->second.expires_at, found->first});
  nonces_.erase(found);
}

}  // namespace prov::signing
