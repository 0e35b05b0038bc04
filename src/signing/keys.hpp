// The keys of an agent: derived from SECRET_KEY, one for each purpose, because an HMAC key that
// verifies also signs. HKDF-SHA256, IKM = the UTF-8 bytes of SECRET_KEY, salt "provisioning/v1",
// info = purpose "\n" agent id "\n" decimal generation, 32 bytes (docs/formats/keys.md; vectors in
// tests/vectors/signing/keys.json). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "base/result.hpp"
#include "base/sha256.hpp"
#include "job/grammar.hpp"

namespace prov::signing {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kLeastSecretKeyBytes = 32;

enum class Purpose {
  kJob,    // panel to executor: envelopes and commands
  kEvent,  // executor to panel: events and rotations
  kHttp,   // net role to panel: transport requests
};
BOOST_DESCRIBE_ENUM(Purpose, kJob, kEvent, kHttp)

// Secret bytes, wiped when they go. Movable, not copyable: a copy is asked for by name.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::string bytes) : bytes_(std::move(bytes)) {}
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  ~SecretBytes() { Wipe(); }
  SecretBytes Clone() const { return SecretBytes(std::string(view())); }
  std::string_view view() const { return bytes_; }
  void Wipe();

 private:
  std::string bytes_;
};

using job::IsAgentId;

// kInvalidArgument for a SECRET_KEY under 32 bytes or a malformed agent id. Generations count
// from 1.
Result<SecretBytes> DeriveAgentKey(std::string_view secret_key, Purpose purpose,
                                   std::string_view agent_id, std::uint32_t generation);

// What a signature by that key names as keyid, everywhere: "job/agent-1/2". A hint for choosing
// among generations; nothing is believed because of it.
std::string KeyId(Purpose purpose, std::string_view agent_id, std::uint32_t generation);

// HKDF-SHA256 (RFC 5869) with a 32-byte output.
SecretBytes Hkdf(std::string_view key_material, std::string_view salt, std::string_view info);
// HMAC-SHA256, 32 bytes.
std::string Mac(std::string_view key, std::string_view message);
// Without telling by its time where they differ.
bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace prov::signing
