#include "signing/sealed.hpp"

#include <cstdint>
#include <sodium.h>

namespace prov::signing {
namespace {

constexpr std::string_view kVersion = "provisioning/sealed/v1";

void Append(std::string& text, std::string_view field) {
  const auto size = static_cast<std::uint32_t>(field.size());
  for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(size >> shift & 0xFF);
  text += field;
}

unsigned char* Raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* Raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

SealingKeyPair MakeSealingKeyPair(Random& random) {
  static_assert(crypto_box_SECRETKEYBYTES == kKeyBytes);
  SealingKeyPair pair{std::string(crypto_box_PUBLICKEYBYTES, '\0'), SecretKey::Generate(random)};
  crypto_scalarmult_base(Raw(pair.public_key), Raw(pair.private_key.bytes()));
  return pair;
}

std::string SealedText(const Uuid& job, std::string_view name, std::string_view value) {
  std::string text;
  // Room for all of it, so that no half of the value stays behind in memory given back.
  text.reserve(16 + kVersion.size() + 36 + name.size() + value.size());
  Append(text, kVersion);
  Append(text, job.ToString());
  Append(text, name);
  Append(text, value);
  return text;
}

Result<std::string> Seal(std::string_view public_key, const Uuid& job, std::string_view name,
                         std::string_view value) {
  if (public_key.size() != crypto_box_PUBLICKEYBYTES) {
    return Error{ErrorCode::kInvalidArgument, "a sealing key must have 32 bytes", {}};
  }
  auto text = SealedText(job, name, value);
  std::string box(text.size() + crypto_box_SEALBYTES, '\0');
  const int failed = crypto_box_seal(Raw(box), Raw(text), text.size(), Raw(public_key));
  sodium_memzero(text.data(), text.size());
  if (failed != 0) return Error{ErrorCode::kInvalidArgument, "not a usable sealing key", {}};
  return box;
}

Result<std::string> Unseal(const SealingKeyPair& keys, const Uuid& job, std::string_view name,
                           std::string_view box) {
  const Error refused{
      ErrorCode::kPermissionDenied, "the sealed input is not for this server, job and name", {}};
  if (box.size() < crypto_box_SEALBYTES) return refused;
  std::string text(box.size() - crypto_box_SEALBYTES, '\0');
  if (crypto_box_seal_open(Raw(text), Raw(box), box.size(), Raw(keys.public_key),
                           Raw(keys.private_key.bytes())) != 0) {
    return refused;
  }
  // The value is what is left when the rest is as it must be.
  const auto prefix = SealedText(job, name, "").size();
  std::string value = text.size() >= prefix ? text.substr(prefix) : std::string();
  auto expected = SealedText(job, name, value);
  const bool same = expected == text;
  sodium_memzero(text.data(), text.size());
  sodium_memzero(expected.data(), expected.size());
  if (!same) {
    sodium_memzero(value.data(), value.size());
    return refused;
  }
  return value;
}

}  // namespace prov::signing
