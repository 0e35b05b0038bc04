#include "signing/sealed.hpp"

#include <cstdint>
#include <optional>
#include <sodium.h>

namespace prov::signing {
namespace {

static_assert(crypto_box_PUBLICKEYBYTES == 32 && crypto_box_SECRETKEYBYTES == 32);

constexpr std::string_view kVersion = "1";

unsigned char* Unsigned(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}
const unsigned char* Unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

void AppendField(std::string& to, std::string_view field) {
  const auto size = static_cast<std::uint32_t>(field.size());
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(size >> shift);
  to += field;
}

// Takes the next field off the front of `from`.
std::optional<std::string_view> TakeField(std::string_view& from) {
  if (from.size() < 4) return std::nullopt;
  std::uint32_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(from[i]);
  if (from.size() - 4 < size) return std::nullopt;
  const auto field = from.substr(4, size);
  from.remove_prefix(4 + size);
  return field;
}

Error CannotOpen(std::string_view why) {
  return {ErrorCode::kPermissionDenied, std::string(why), {}};
}

}  // namespace

SealingKeys MakeSealingKeys() {
  std::string public_key(32, '\0'), private_key(32, '\0');
  crypto_box_keypair(Unsigned(public_key), Unsigned(private_key));
  SealingKeys keys{std::move(public_key), SecretBytes(std::move(private_key))};
  return keys;
}

Result<SealingKeys> SealingKeysFrom(SecretBytes private_key) {
  if (private_key.view().size() != 32) {
    return Error{ErrorCode::kInvalidArgument, "a sealing key has 32 bytes", {}};
  }
  std::string public_key(32, '\0');
  crypto_scalarmult_base(Unsigned(public_key), Unsigned(private_key.view()));
  return SealingKeys{std::move(public_key), std::move(private_key)};
}

Result<std::string> Seal(std::string_view public_key, const Uuid& job, std::string_view input,
                         std::string_view value) {
  if (public_key.size() != 32) {
    return Error{
        ErrorCode::kInvalidArgument, "the server's sealing key does not have 32 bytes", {}};
  }
  const std::string job_id = job.ToString();
  std::string plain;
  plain.reserve(64 + kVersion.size() + input.size() +
                value.size());  // never reallocated: no copy stays behind
  for (const auto field : {kVersion, std::string_view(job_id), input, value})
    AppendField(plain, field);
  std::string sealed(plain.size() + crypto_box_SEALBYTES, '\0');
  const int failed = crypto_box_seal(Unsigned(sealed), Unsigned(std::string_view(plain)),
                                     plain.size(), Unsigned(public_key));
  sodium_memzero(plain.data(), plain.size());
  if (failed != 0)
    return Error{ErrorCode::kInvalidArgument, "the server's sealing key is not a valid point", {}};
  return sealed;
}

Result<SecretBytes> Unseal(const SealingKeys& keys, const Uuid& job, std::string_view input,
                           std::string_view sealed) {
  if (sealed.size() < crypto_box_SEALBYTES) return CannotOpen("a sealed value is too short");
  std::string opened(sealed.size() - crypto_box_SEALBYTES, '\0');
  const int failed =
      crypto_box_seal_open(Unsigned(opened), Unsigned(sealed), sealed.size(),
                           Unsigned(keys.public_key), Unsigned(keys.private_key.view()));
  const SecretBytes plain(std::move(opened));
  if (failed != 0) return CannotOpen("a sealed value was not sealed to this server's key");
  std::string_view rest = plain.view();
  const auto version = TakeField(rest), sealed_job = TakeField(rest), name = TakeField(rest),
             value = TakeField(rest);
  if (!value || !rest.empty() || version != kVersion)
    return CannotOpen("a sealed value has an unknown form");
  if (sealed_job != job.ToString()) return CannotOpen("a sealed value belongs to another job");
  if (name != input) return CannotOpen("a sealed value belongs to another input");
  return SecretBytes(std::string(*value));
}

}  // namespace prov::signing
