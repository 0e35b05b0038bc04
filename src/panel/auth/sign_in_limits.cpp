#include "panel/auth/sign_in_limits.hpp"

#include <boost/asio/ip/address.hpp>

#include "base/sha256.hpp"

namespace prov::panel {
namespace {

// Hashed, since what stands where a name belongs may be a password.
std::string KeyOfAccount(const std::string& account) { return Sha256("account " + account); }
std::string KeyOfAddress(const std::string& address) {
  return Sha256("address " + NetworkOf(address));
}

}  // namespace

Result<std::optional<Seconds>> SignInLimits::Wait(const std::string& account,
                                                  const std::string& address) {
  PROV_TRY(const auto of_account, WaitOf(KeyOfAccount(account), kOfAccount));
  PROV_TRY(const auto of_address, WaitOf(KeyOfAddress(address), kOfAddress));
  return std::max(of_account, of_address);
}

Result<std::optional<Seconds>> SignInLimits::Begin(const std::string& account,
                                                   const std::string& address) {
  PROV_TRY(const auto wait, Wait(account, address));
  if (wait) return wait;
  PROV_CHECK(attempts_.RemoveOld(now_ - kWindow));
  PROV_CHECK(Count(KeyOfAccount(account)));
  PROV_CHECK(Count(KeyOfAddress(address)));
  return std::optional<Seconds>();
}

Status SignInLimits::Succeeded(const std::string& account, const std::string& address) {
  PROV_CHECK(attempts_.Remove(KeyOfAccount(account)));
  return TakeBackOf(KeyOfAddress(address));
}

Status SignInLimits::TakeBack(const std::string& account, const std::string& address) {
  PROV_CHECK(TakeBackOf(KeyOfAccount(account)));
  return TakeBackOf(KeyOfAddress(address));
}

Result<std::optional<store::AttemptCount>> SignInLimits::Lately(const std::string& key) {
  PROV_TRY(auto found, attempts_.Find(key));
  // What began long after now was counted before somebody set the clock back.
  if (found && (found->since <= now_ - kWindow || found->since >= now_ + kWindow)) found.reset();
  return found;
}

Result<std::optional<Seconds>> SignInLimits::WaitOf(const std::string& key, unsigned most) {
  PROV_TRY(const auto found, Lately(key));
  if (!found || found->count < most) return std::optional<Seconds>();
  const auto left = std::chrono::ceil<Seconds>(found->since + kWindow - now_);
  return std::optional(std::min(left, kWindow));
}

Status SignInLimits::Count(const std::string& key) {
  PROV_TRY(const auto found, Lately(key));
  auto counted = found.value_or(store::AttemptCount{0, now_});
  ++counted.count;
  return attempts_.Keep(key, counted);
}

Status SignInLimits::TakeBackOf(const std::string& key) {
  PROV_TRY(auto found, attempts_.Find(key));
  if (!found) return {};
  if (found->count <= 1) return attempts_.Remove(key);
  --found->count;
  return attempts_.Keep(key, *found);
}

std::string NetworkOf(const std::string& address) {
  boost::system::error_code fault;
  const auto parsed = boost::asio::ip::make_address(address, fault);
  if (fault || !parsed.is_v6() || parsed.to_v6().is_v4_mapped()) return address;
  auto bytes = parsed.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace prov::panel
