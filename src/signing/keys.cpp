#include "signing/keys.hpp"

#include <array>
#include <sodium.h>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "base/json.hpp"

namespace prov::signing {
namespace {

OSSL_PARAM OctetParam(const char* name, std::string_view bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(bytes.data()), bytes.size());
}

const unsigned char* AsBytes(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Lives as long as the process.
EVP_MAC_CTX* UnkeyedHmac() {
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(context, parameters.data()) != 1)
    throw std::runtime_error("there is no HMAC-SHA256");
  return context;
}

}  // namespace

SecretBytes::SecretBytes(SecretBytes&& other) noexcept { *this = std::move(other); }

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = other.bytes_;  // not moved: a short string is moved by copying, and its bytes would
                            // stay behind
    other.Wipe();
  }
  return *this;
}

void SecretBytes::Wipe() {
  sodium_memzero(bytes_.data(), bytes_.size());
  bytes_.clear();
}

std::string KeyId(Purpose purpose, std::string_view agent_id, std::uint32_t generation) {
  return fmt::format("{}/{}/{}", json::EnumName(purpose), agent_id, generation);
}

Result<SecretBytes> DeriveAgentKey(std::string_view secret_key, Purpose purpose,
                                   std::string_view agent_id, std::uint32_t generation) {
  if (secret_key.size() < kLeastSecretKeyBytes) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format(
            "SECRET_KEY has {} bytes; it needs at least {}: make one with `openssl rand -hex 32`",
            secret_key.size(), kLeastSecretKeyBytes),
        {}};
  }
  if (!IsAgentId(agent_id)) {
    return Error{ErrorCode::kInvalidArgument,
                 "not an agent id: 1 to 128 letters, digits, dots, underscores and dashes, a "
                 "letter or digit first",
                 {}};
  }
  if (generation == 0)
    return Error{ErrorCode::kInvalidArgument, "key generations count from 1", {}};
  return Hkdf(secret_key, "provisioning/v1",
              fmt::format("{}\n{}\n{}", json::EnumName(purpose), agent_id, generation));
}

SecretBytes Hkdf(std::string_view key_material, std::string_view salt, std::string_view info) {
  // Found once: looking for it costs more than the derivation.
  static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  const std::unique_ptr<EVP_KDF_CTX, void (*)(EVP_KDF_CTX*)> context(EVP_KDF_CTX_new(kdf),
                                                                     EVP_KDF_CTX_free);
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 5> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), digest.size()),
      OctetParam(OSSL_KDF_PARAM_KEY, key_material), OctetParam(OSSL_KDF_PARAM_SALT, salt),
      OctetParam(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  std::string key(kKeyBytes, '\0');
  if (EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(key.data()), key.size(),
                     parameters.data()) != 1) {
    throw std::runtime_error("HKDF-SHA256 failed");
  }
  return SecretBytes(std::move(key));
}

std::string Mac(std::string_view key, std::string_view message) {
  // Copied for each use: to find algorithm and digest by name costs more than a short message.
  static EVP_MAC_CTX* const unkeyed = UnkeyedHmac();
  const std::unique_ptr<EVP_MAC_CTX, void (*)(EVP_MAC_CTX*)> context(EVP_MAC_CTX_dup(unkeyed),
                                                                     EVP_MAC_CTX_free);
  std::string mac(SHA256_DIGEST_LENGTH, '\0');
  std::size_t length = 0;
  if (EVP_MAC_init(context.get(), AsBytes(key), key.size(), nullptr) != 1 ||
      EVP_MAC_update(context.get(), AsBytes(message), message.size()) != 1 ||
      EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(mac.data()), &length,
                    mac.size()) != 1) {
    throw std::runtime_error("HMAC-SHA256 failed");
  }
  return mac;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace prov::signing
