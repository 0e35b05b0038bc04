#include "panel/auth/sign_in_limits.hpp"

#include <boost/asio/ip/address.hpp>

namespace prov::panel {
namespace {

constexpr std::size_t kMostKept = 10'000;

void TakeBackFrom(auto& counted, const std::string& key) {
  const auto found = counted.find(key);
  if (found == counted.end()) return;
  if (--found->second.count == 0) counted.erase(found);
}

}  // namespace

std::optional<Seconds> SignInLimits::Begin(const std::string& account, const std::string& address) {
  const auto network = NetworkOf(address);
  const auto of_account = Wait(accounts_, account, kOfAccount);
  const auto of_address = Wait(addresses_, network, kOfAddress);
  if (of_account || of_address)
    return std::max(of_account.value_or(Seconds{1}), of_address.value_or(Seconds{1}));
  Count(accounts_, account);
  Count(addresses_, network);
  return std::nullopt;
}

void SignInLimits::Succeeded(const std::string& account, const std::string& address) {
  accounts_.erase(account);
  TakeBackFrom(addresses_, NetworkOf(address));
}

void SignInLimits::TakeBack(const std::string& account, const std::string& address) {
  TakeBackFrom(accounts_, account);
  TakeBackFrom(addresses_, NetworkOf(address));
}

std::optional<Seconds> SignInLimits::Wait(Counted& counted, const std::string& key, unsigned most) {
  const auto found = counted.find(key);
  if (found == counted.end()) return std::nullopt;
  const auto left = kWindow - (clock_.Steady() - found->second.since);
  if (left <= Seconds{0}) {
    counted.erase(found);
    return std::nullopt;
  }
  if (found->second.count < most) return std::nullopt;
  return std::max(Seconds{1}, std::chrono::ceil<Seconds>(left));
}

void SignInLimits::Count(Counted& counted, const std::string& key) {
  if (counted.size() >= kMostKept) {
    const auto now = clock_.Steady();
    std::erase_if(counted, [&](const auto& each) { return now - each.second.since >= kWindow; });
    if (counted.size() >= kMostKept) counted.clear();
  }
  auto& attempts = counted[key];
  if (attempts.count++ == 0) attempts.since = clock_.Steady();
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
