#include "transport/http/nonce_window.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::transport::http {

Status NonceWindow::Take(std::string_view nonce, SteadyTime now) {
  if (now - turned_ >= kNonceLife) {
    previous_ = Expired(now) ? Generation() : std::move(current_);
    current_.clear();
    turned_ = now;
  }
  PROV_TRY(const auto bytes, HexDecode(nonce));
  Nonce key{};
  if (bytes.size() != key.size())
    return Error{ErrorCode::kInvalidArgument, "a nonce has 32 hex digits", {}};
  std::ranges::copy(bytes, key.begin());
  if (previous_.contains(key) || current_.contains(key))
    return Error{ErrorCode::kUnauthenticated, "this nonce was taken before", {}};
  if (current_.size() >= most_) {
    return Error{ErrorCode::kExhausted,
                 fmt::format("more than {} requests in {} s", most_,
                             std::chrono::duration_cast<Seconds>(kNonceLife).count()),
                 {}};
  }
  current_.insert(key);
  return {};
}

}  // namespace prov::transport::http
