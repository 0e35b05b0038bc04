// How often a password may be tried: of one account, and from one address. An attempt counts from
// its beginning, so that many at once are not more than many in turn; one that was right, or that
// the panel itself could not judge, is taken back.
//
// Single-threaded. In memory: a panel that starts anew counts anew.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace prov::panel {

class SignInLimits {
 public:
  static constexpr Seconds kWindow{300};  // from the first attempt on
  static constexpr unsigned kOfAccount = 10;
  static constexpr unsigned kOfAddress = 30;

  explicit SignInLimits(const Clock& clock) : clock_(clock) {}

  // Counts, or says how long to wait (at least 1 s), and then counts nothing.
  std::optional<Seconds> Begin(const std::string& account, const std::string& address);
  // The account's earlier failures are forgotten, the address's are not.
  void Succeeded(const std::string& account, const std::string& address);
  void TakeBack(const std::string& account, const std::string& address);

 private:
  struct Attempts {
    unsigned count = 0;
    SteadyTime since{};
  };
  using Counted = std::map<std::string, Attempts>;
  std::optional<Seconds> Wait(Counted& counted, const std::string& key, unsigned most);
  void Count(Counted& counted, const std::string& key);

  const Clock& clock_;
  Counted accounts_;
  Counted addresses_;
};

// What counts as one address: of IPv6 its first 64 bits, which one household is given whole.
std::string NetworkOf(const std::string& address);

}  // namespace prov::panel
