// Every key the panel signs or verifies with, derived from SECRET_KEY when it is first needed
// (docs/formats/keys.md). Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/uuid.hpp"
#include "job/command.hpp"
#include "signing/keys.hpp"

namespace prov::panel {

class KeyRing {
 public:
  // kInvalidArgument for a secret under 32 bytes.
  static Result<KeyRing> Create(std::string_view secret_key);

  // Signed under the agent's job key: what the executor takes.
  Result<std::string> SignOrder(const std::string& payload, const std::string& agent,
                                std::uint32_t generation) const;
  Result<std::string> SignCommand(job::CommandType type, const job::Command& command,
                                  std::uint32_t generation) const;
  struct SignedPayload {
    std::string payload;
    std::uint32_t generation = 1;
  };
  // The payload of an event of this agent, and which of the generations signed it (0 is passed
  // over); kPermissionDenied unless an event key of one of them did.
  Result<SignedPayload> VerifyEvent(std::string_view envelope, const std::string& agent,
                                    std::span<const std::uint32_t> generations) const;
  // What was signed here for the agent's executor, under the generation `newest` or one before;
  // kPermissionDenied for anything else.
  Result<SignedPayload> VerifyOwn(std::string_view envelope, std::string_view payload_type,
                                  const std::string& agent, std::uint32_t newest) const;
  // A key of the panel's own, for what only panels read: cursors, idempotency.
  std::string PanelMac(std::string_view purpose, std::string_view bytes) const;

 private:
  using KeyPtr = std::shared_ptr<const signing::SecretBytes>;
  struct Derived;
  explicit KeyRing(std::string_view secret_key);
  Result<KeyPtr> AgentKey(signing::Purpose purpose, const std::string& agent,
                          std::uint32_t generation) const;
  Result<SignedPayload> VerifyUnder(signing::Purpose purpose, const std::string& agent,
                                    std::uint32_t generation, std::string_view envelope,
                                    std::string_view payload_type, std::size_t limit) const;
  signing::SecretBytes secret_key_;
  std::shared_ptr<Derived> derived_;
};

inline constexpr Seconds kCommandValid = std::chrono::hours{24};

// What every command begins with; the caller adds what it says.
job::Command CommandHeader(std::string agent, const Uuid& epoch, const Uuid& id, WallTime now,
                           Seconds valid = kCommandValid);

// A command's nonce is its id without the dashes, so that the agent's report finds the row.
std::string CommandNonce(const Uuid& command);
Result<Uuid> CommandOfNonce(const std::string& nonce);

}  // namespace prov::panel
