// Keys, derived as DESIGN's "Keys" says (docs/formats/keys.md): HKDF-SHA256, salt
// "provisioning/v1", info = purpose "\n" agent id "\n" decimal generation, 32 bytes. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"

namespace prov::signing {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kMinSecretBytes = 32;

// 32 secret bytes, wiped when they go. Not copied by accident: Clone() says so.
class SecretKey {
 public:
  SecretKey() = default;  // all zero; refused by everything that signs
  // kInvalidArgument unless there are exactly 32 bytes.
  static Result<SecretKey> FromBytes(std::string_view bytes);
  static SecretKey Generate(Random& random);
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  ~SecretKey() { Wipe(); }

  SecretKey Clone() const;
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  bool IsZero() const;

 private:
  void Wipe();
  std::array<unsigned char, kKeyBytes> bytes_{};
};

// An HMAC key that verifies also signs, so each direction has its own.
enum class Purpose {
  kJob,    // panel to executor: envelopes and commands
  kEvent,  // executor to panel: events and rotations
  kHttp,   // net role to panel: RFC 9421
};
BOOST_DESCRIBE_ENUM(Purpose, kJob, kEvent, kHttp)

// kInvalidArgument where SECRET_KEY is missing or under 32 bytes: a refusal to start, always.
Status CheckSecret(std::string_view secret);

// `secret` is the UTF-8 text of SECRET_KEY as given; `generation` from 1.
Result<SecretKey> DeriveKey(std::string_view secret, Purpose purpose, std::string_view agent,
                            std::uint64_t generation);

// "job/agent-1/1": what a signature's keyid says. A hint which key to try, and no more.
std::string KeyId(Purpose purpose, std::string_view agent, std::uint64_t generation);
struct KeyName {
  Purpose purpose = Purpose::kJob;
  std::string agent;
  std::uint64_t generation = 0;
};
Result<KeyName> ParseKeyId(std::string_view keyid);

// A one-time enrolment token: "pe1.<uuid>.<43 characters of base64url>". The panel keeps the id,
// the agent's name and the expiry; the secret follows from SECRET_KEY and the id, so that no store
// holds it.
struct EnrollToken {
  Uuid id;
  SecretKey secret;
};
Result<EnrollToken> MakeEnrollToken(std::string_view secret, const Uuid& id);
std::string FormatEnrollToken(const EnrollToken& token);
Result<EnrollToken> ParseEnrollToken(std::string_view text);
// The key of the enrolment request's MAC: HKDF over the token's secret, info = "enroll" "\n" agent
// id "\n" token id.
Result<SecretKey> DeriveEnrollKey(const EnrollToken& token, std::string_view agent);

}  // namespace prov::signing
