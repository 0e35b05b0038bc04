// Passwords of people: what may be one, and Argon2id, which makes guessing them dear.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "base/random.hpp"
#include "base/result.hpp"
#include "net/problem.hpp"
#include "panel/bounded_pool.hpp"

namespace prov::panel {

inline constexpr std::size_t kLeastPasswordCharacters = 12;
inline constexpr std::size_t kMostPasswordBytes = 1024;

// What one hash costs; the tests' are cheaper.
struct PasswordCost {
  std::uint32_t memory_kib = 65'536;
  std::uint32_t passes = 2;
};

// Why this cannot be a new password of that user, told of `field`; nothing where it can.
std::optional<net::FieldError> CheckNewPassword(const std::string& field, std::string_view password,
                                                std::string_view user_name);

// Blocking, for about 0.1 s. With its salt and cost: "$argon2id$v=19$m=65536,t=2,p=1$…".
Result<std::string> HashPassword(std::string_view password, Random& random,
                                 const PasswordCost& cost = {});
// Blocking. kCorrupt where `hash` is none.
Result<bool> VerifyPassword(const std::string& hash, std::string_view password);
// A hash that costs as much to look at, and that no password is known for.
std::string HashOfNobody(Random& random, const PasswordCost& cost = {});

// The same for coroutines: four at once, a few more wait, the others are kExhausted.
class PasswordPool {
 public:
  explicit PasswordPool(Random& random, const PasswordCost& cost = {})
      : random_(random), cost_(cost) {}
  boost::asio::awaitable<Result<std::string>> Hash(std::string password);
  boost::asio::awaitable<Result<bool>> Verify(std::string hash, std::string password);
  std::string OfNobody() { return HashOfNobody(random_, cost_); }

 private:
  static constexpr std::size_t kAtOnce = 4;
  static constexpr std::size_t kWaiting = 12;

  Random& random_;
  PasswordCost cost_;
  BoundedPool pool_{kAtOnce, kWaiting};
};

}  // namespace prov::panel
