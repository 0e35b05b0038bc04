#include "panel/dispatch/key_ring.hpp"

#include <mutex>

#include "job/event.hpp"
#include "job/order.hpp"
#include "signing/dsse.hpp"

namespace prov::panel {
namespace {

using signing::Purpose;

Error NotSignedHere() {
  return {ErrorCode::kPermissionDenied, "no key that is valid here has signed it", {}};
}

}  // namespace

Result<KeyRing> KeyRing::Create(std::string_view secret_key) {
  // Asking for any key says what is wrong with the secret.
  PROV_CHECK(signing::DeriveAgentKey(secret_key, Purpose::kJob, "check", 1));
  return KeyRing(secret_key);
}

// To derive a key costs as much as to sign a job by it.
struct KeyRing::Derived {
  static constexpr std::size_t kMost = 10'000;
  std::mutex mutex;  // guards what follows
  std::map<std::string, KeyPtr> by_keyid;
};

KeyRing::KeyRing(std::string_view secret_key)
    : secret_key_(std::string(secret_key)), derived_(std::make_shared<Derived>()) {}

Result<KeyRing::KeyPtr> KeyRing::AgentKey(Purpose purpose, const std::string& agent,
                                          std::uint32_t generation) const {
  const auto keyid = signing::KeyId(purpose, agent, generation);
  const std::lock_guard lock(derived_->mutex);
  if (const auto found = derived_->by_keyid.find(keyid); found != derived_->by_keyid.end())
    return found->second;
  PROV_TRY(auto key, signing::DeriveAgentKey(secret_key_.view(), purpose, agent, generation));
  if (derived_->by_keyid.size() >= Derived::kMost) derived_->by_keyid.clear();
  return derived_->by_keyid[keyid] = std::make_shared<const signing::SecretBytes>(std::move(key));
}

Result<std::string> KeyRing::SignOrder(const std::string& payload, const std::string& agent,
                                       std::uint32_t generation) const {
  PROV_TRY(const auto key, AgentKey(Purpose::kJob, agent, generation));
  return signing::Sign(job::kOrderPayloadType, payload,
                       signing::KeyId(Purpose::kJob, agent, generation), key->view());
}

Result<std::string> KeyRing::SignCommand(job::CommandType type, const job::Command& command,
                                         std::uint32_t generation) const {
  PROV_TRY(const auto payload, job::SerializeCommand(type, command));
  PROV_TRY(const auto key, AgentKey(Purpose::kJob, command.agent, generation));
  return signing::Sign(job::PayloadType(type), payload,
                       signing::KeyId(Purpose::kJob, command.agent, generation), key->view());
}

Result<KeyRing::SignedPayload> KeyRing::VerifyUnder(Purpose purpose, const std::string& agent,
                                                    std::uint32_t generation,
                                                    std::string_view envelope,
                                                    std::string_view payload_type,
                                                    std::size_t limit) const {
  PROV_TRY(const auto key, AgentKey(purpose, agent, generation));
  const auto keyid = signing::KeyId(purpose, agent, generation);
  const signing::VerificationKey keys[] = {{keyid, key->view()}};
  PROV_TRY(auto payload, signing::Verify(envelope, payload_type, keys, limit));
  return SignedPayload{std::move(payload), generation};
}

Result<KeyRing::SignedPayload> KeyRing::VerifyEvent(
    std::string_view envelope, const std::string& agent,
    std::span<const std::uint32_t> generations) const {
  auto refusal = NotSignedHere();
  for (const auto generation : generations) {
    if (generation == 0) continue;
    auto opened = VerifyUnder(Purpose::kEvent, agent, generation, envelope, job::kEventPayloadType,
                              job::kMaxSignedEventBytes);
    if (opened) return opened;
    refusal = opened.error();
    if (refusal.code != ErrorCode::kPermissionDenied) break;  // it is no envelope
  }
  return refusal;
}

Result<KeyRing::SignedPayload> KeyRing::VerifyOwn(std::string_view envelope,
                                                  std::string_view payload_type,
                                                  const std::string& agent,
                                                  std::uint32_t newest) const {
  for (auto generation = newest; generation > 0; --generation) {
    auto opened = VerifyUnder(Purpose::kJob, agent, generation, envelope, payload_type,
                              job::kMaxEnvelopeBytes);
    if (opened || opened.error().code != ErrorCode::kPermissionDenied) return opened;
  }
  return NotSignedHere();
}

std::string KeyRing::PanelMac(std::string_view purpose, std::string_view bytes) const {
  const auto key =
      signing::Hkdf(secret_key_.view(), "provisioning/v1", "panel\n" + std::string(purpose));
  return signing::Mac(key.view(), bytes);
}

job::Command CommandHeader(std::string agent, const Uuid& epoch, const Uuid& id, WallTime now,
                           Seconds valid) {
  job::Command command;
  command.agent = std::move(agent);
  command.epoch = epoch;
  command.nonce = CommandNonce(id);
  command.issued_at = now;
  command.expires_at = now + valid;
  return command;
}

std::string CommandNonce(const Uuid& command) {
  auto nonce = command.ToString();
  std::erase(nonce, '-');
  return nonce;
}

Result<Uuid> CommandOfNonce(const std::string& nonce) {
  if (nonce.size() != 32) return Error{ErrorCode::kNotFound, "no command has that nonce", {}};
  auto text = nonce;
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return Uuid::Parse(text);
}

}  // namespace prov::panel
