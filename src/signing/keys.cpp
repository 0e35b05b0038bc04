#include "signing/keys.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <sodium.h>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/grammar.hpp"
#include "signing/mac.hpp"

namespace prov::signing {
namespace {

constexpr std::string_view kSalt = "provisioning/v1";
constexpr std::string_view kTokenPrefix = "pe1.";

Error Invalid(std::string sentence) {
  return {ErrorCode::kInvalidArgument, std::move(sentence), {}};
}

Result<SecretKey> Derive(std::string_view ikm, std::string_view info) {
  auto bytes = HkdfSha256(ikm, kSalt, info);
  auto key = SecretKey::FromBytes(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return key;
}

}  // namespace

Result<SecretKey> SecretKey::FromBytes(std::string_view bytes) {
  if (bytes.size() != kKeyBytes) return Invalid("a key must have 32 bytes");
  SecretKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

SecretKey SecretKey::Generate(Random& random) {
  SecretKey key;
  random.Fill(key.bytes_.data(), key.bytes_.size());
  return key;
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) { other.Wipe(); }

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this != &other) {
    bytes_ = other.bytes_;
    other.Wipe();
  }
  return *this;
}

SecretKey SecretKey::Clone() const {
  SecretKey key;
  key.bytes_ = bytes_;
  return key;
}

bool SecretKey::IsZero() const { return sodium_is_zero(bytes_.data(), bytes_.size()) == 1; }

void SecretKey::Wipe() { sodium_memzero(bytes_.data(), bytes_.size()); }

Status CheckSecret(std::string_view secret) {
  if (secret.empty()) return Invalid("SECRET_KEY is missing; it must have at least 32 bytes");
  if (secret.size() < kMinSecretBytes) {
    return Invalid(fmt::format("SECRET_KEY has {} bytes; it must have at least 32", secret.size()));
  }
  return {};
}

Result<SecretKey> DeriveKey(std::string_view secret, Purpose purpose, std::string_view agent,
                            std::uint64_t generation) {
  PROV_CHECK(CheckSecret(secret));
  if (!job::IsAgentId(agent)) return Invalid("not an agent id: [A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  if (generation == 0) return Invalid("key generations count from 1");
  return Derive(secret, fmt::format("{}\n{}\n{}", json::EnumName(purpose), agent, generation));
}

std::string KeyId(Purpose purpose, std::string_view agent, std::uint64_t generation) {
  return fmt::format("{}/{}/{}", json::EnumName(purpose), agent, generation);
}

Result<KeyName> ParseKeyId(std::string_view keyid) {
  const auto first = keyid.find('/');
  const auto last = keyid.rfind('/');
  if (first == std::string_view::npos || first == last) return Invalid("not a key id");
  KeyName name;
  const auto purpose = json::EnumFromName<Purpose>(keyid.substr(0, first));
  const auto number = keyid.substr(last + 1);
  const auto read = std::from_chars(number.data(), number.data() + number.size(), name.generation);
  name.agent = keyid.substr(first + 1, last - first - 1);
  if (!purpose || !job::IsAgentId(name.agent) || read.ec != std::errc{} ||
      KeyId(*purpose, name.agent, name.generation) != keyid || name.generation == 0) {
    return Invalid("not a key id");
  }
  name.purpose = *purpose;
  return name;
}

Result<EnrollToken> MakeEnrollToken(std::string_view secret, const Uuid& id) {
  PROV_CHECK(CheckSecret(secret));
  PROV_TRY(auto key, Derive(secret, "enroll-token\n" + id.ToString()));
  return EnrollToken{id, std::move(key)};
}

std::string FormatEnrollToken(const EnrollToken& token) {
  return fmt::format("{}{}.{}", kTokenPrefix, token.id.ToString(),
                     Base64UrlEncode(token.secret.bytes()));
}

Result<EnrollToken> ParseEnrollToken(std::string_view text) {
  const auto wrong = [] { return Invalid("not an enrolment token"); };
  if (text.size() != kTokenPrefix.size() + 36 + 1 + 43 || !text.starts_with(kTokenPrefix) ||
      text[kTokenPrefix.size() + 36] != '.') {
    return wrong();
  }
  const auto id = Uuid::Parse(text.substr(kTokenPrefix.size(), 36));
  const auto bytes = Base64UrlDecode(text.substr(kTokenPrefix.size() + 37));
  if (!id || !bytes) return wrong();
  PROV_TRY(auto secret, SecretKey::FromBytes(*bytes));
  return EnrollToken{*id, std::move(secret)};
}

Result<SecretKey> DeriveEnrollKey(const EnrollToken& token, std::string_view agent) {
  if (!job::IsAgentId(agent)) return Invalid("not an agent id: [A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  return Derive(token.secret.bytes(), fmt::format("enroll\n{}\n{}", agent, token.id.ToString()));
}

}  // namespace prov::signing
