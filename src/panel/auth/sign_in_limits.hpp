// How often a password may be tried: of one account, and from one address. An attempt counts from
// its beginning, so that many at once are not more than many in turn; one that was right, or that
// the panel itself could not judge, is taken back. Counted in the store, by all panels together.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "store/attempts.hpp"

namespace prov::panel {

// Used within one transaction; an error is the store's.
class SignInLimits {
 public:
  static constexpr Seconds kWindow{300};  // from the first attempt on
  static constexpr unsigned kOfAccount = 10;
  static constexpr unsigned kOfAddress = 30;

  SignInLimits(store::Attempts& attempts, WallTime now) : attempts_(attempts), now_(now) {}

  // How long to wait, from 1 s to kWindow, where that is needed; for a transaction that reads.
  Result<std::optional<Seconds>> Wait(const std::string& account, const std::string& address);
  // The same, and counts where there is none.
  Result<std::optional<Seconds>> Begin(const std::string& account, const std::string& address);
  // The account's earlier failures are forgotten, the address's are not.
  Status Succeeded(const std::string& account, const std::string& address);
  Status TakeBack(const std::string& account, const std::string& address);

 private:
  // Those that still count.
  Result<std::optional<store::AttemptCount>> Lately(const std::string& key);
  Result<std::optional<Seconds>> WaitOf(const std::string& key, unsigned most);
  Status Count(const std::string& key);
  Status TakeBackOf(const std::string& key);

  store::Attempts& attempts_;
  WallTime now_;
};

// What counts as one address: of IPv6 its first 64 bits, which one household is given whole.
std::string NetworkOf(const std::string& address);

}  // namespace prov::panel
