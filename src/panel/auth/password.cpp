#include "panel/auth/password.hpp"

#include <argon2.h>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::uint32_t kLanes = 1;

std::string WithSalt(std::string_view password, const std::string& salt, const PasswordCost& cost) {
  std::string encoded(
      argon2_encodedlen(cost.passes, cost.memory_kib, kLanes, kSaltBytes, kHashBytes, Argon2_id),
      '\0');
  const int failed =
      argon2id_hash_encoded(cost.passes, cost.memory_kib, kLanes, password.data(), password.size(),
                            salt.data(), salt.size(), kHashBytes, encoded.data(), encoded.size());
  if (failed != ARGON2_OK) return "";
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Result<std::string> OrError(std::string encoded) {
  if (!encoded.empty()) return encoded;
  return Error{ErrorCode::kExhausted, "there is not memory enough for a password's hash", {}};
}

// As Argon2 spells it.
std::string Unpadded(std::string_view bytes) {
  auto text = Base64Encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  return text;
}

}  // namespace

std::optional<net::FieldError> CheckNewPassword(const std::string& field, std::string_view password,
                                                std::string_view user_name) {
  if (CountCodePoints(password) < kLeastPasswordCharacters) {
    return net::FieldError{
        field, "min_length",
        fmt::format("must have at least {} characters", kLeastPasswordCharacters)};
  }
  if (password.size() > kMostPasswordBytes) {
    return net::FieldError{field, "max_length",
                           fmt::format("must have at most {} bytes", kMostPasswordBytes)};
  }
  if (!user_name.empty() && net::EqualsIgnoringCase(password, user_name))
    return net::FieldError{field, "same", "must not be the user's name"};
  return std::nullopt;
}

Result<std::string> HashPassword(std::string_view password, Random& random,
                                 const PasswordCost& cost) {
  return OrError(WithSalt(password, random.Bytes(kSaltBytes), cost));
}

Result<bool> VerifyPassword(const std::string& hash, std::string_view password) {
  switch (argon2id_verify(hash.c_str(), password.data(), password.size())) {
    case ARGON2_OK:
      return true;
    case ARGON2_VERIFY_MISMATCH:
      return false;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
      return OrError("").error();
    default:
      return Error{ErrorCode::kCorrupt, "a stored password hash cannot be read", {}};
  }
}

std::string HashOfNobody(Random& random, const PasswordCost& cost) {
  return fmt::format("$argon2id$v=19$m={},t={},p={}${}${}", cost.memory_kib, cost.passes, kLanes,
                     Unpadded(random.Bytes(kSaltBytes)), Unpadded(random.Bytes(kHashBytes)));
}

asio::awaitable<Result<std::string>> PasswordPool::Hash(std::string password) {
  const auto work = [password = std::move(password), salt = random_.Bytes(kSaltBytes),
                     cost = cost_] { return OrError(WithSalt(password, salt, cost)); };
  co_return co_await pool_.Run(work);
}

asio::awaitable<Result<bool>> PasswordPool::Verify(std::string hash, std::string password) {
  const auto work = [hash = std::move(hash), password = std::move(password)] {
    return VerifyPassword(hash, password);
  };
  co_return co_await pool_.Run(work);
}

}  // namespace prov::panel
