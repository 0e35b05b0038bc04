#include "signing/enroll_token.hpp"

#include <sodium.h>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::signing {
namespace {

constexpr std::string_view kSalt = "provisioning/v1";
constexpr std::string_view kPrefix = "pe1.";
constexpr std::size_t kUuidText = 36;
constexpr std::size_t kSecretText = 43;

}  // namespace

Result<EnrollToken> MakeEnrollToken(std::string_view secret_key, const Uuid& id) {
  if (secret_key.size() < kLeastSecretKeyBytes) {
    return Error{ErrorCode::kInvalidArgument, "SECRET_KEY needs at least 32 bytes", {}};
  }
  return EnrollToken{id, Hkdf(secret_key, kSalt, "enroll-token\n" + id.ToString())};
}

std::string FormatEnrollToken(const EnrollToken& token) {
  return fmt::format("{}{}.{}", kPrefix, token.id.ToString(), Base64UrlEncode(token.secret.view()));
}

Result<EnrollToken> ParseEnrollToken(std::string_view text) {
  const Error wrong{ErrorCode::kInvalidArgument, "not an enrolment token", {}};
  constexpr auto kDot = kPrefix.size() + kUuidText;
  if (text.size() != kDot + 1 + kSecretText || !text.starts_with(kPrefix) || text[kDot] != '.') {
    return wrong;
  }
  const auto id = Uuid::Parse(text.substr(kPrefix.size(), kUuidText));
  auto secret = Base64UrlDecode(text.substr(kDot + 1));
  if (!id || !secret || secret->size() != kKeyBytes) return wrong;
  return EnrollToken{*id, SecretBytes(std::move(*secret))};
}

Result<SecretBytes> DeriveEnrollKey(const EnrollToken& token, std::string_view agent) {
  if (!IsAgentId(agent)) return Error{ErrorCode::kInvalidArgument, "not an agent id", {}};
  return Hkdf(token.secret.view(), kSalt,
              fmt::format("enroll\n{}\n{}", agent, token.id.ToString()));
}

}  // namespace prov::signing
