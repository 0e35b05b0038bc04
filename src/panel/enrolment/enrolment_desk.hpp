// Registers servers, and knows the keys of those that are registered. All keys follow from
// SECRET_KEY, so none is stored.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "panel/dispatch/job_listener.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/store_gate.hpp"
#include "signing/keys.hpp"
#include "transport/directory.hpp"
#include "transport/redis/keys.hpp"

namespace prov::panel {

class EnrolmentDesk final : public transport::Registrar, public transport::AgentDirectory {
 public:
  EnrolmentDesk(StoreGate& store, LiveHub& hub, const KeyRing& key_ring, const Clock& clock,
                Logger& logger, std::string_view secret_key);

  // Told of each job that a server leaves behind when it is enrolled again, after the commit.
  void OnFinished(JobListener listener) { on_finished_ = std::move(listener); }

  // The same request again gets the same answer while its token's time lasts: the answer may have
  // been lost on its way, and nobody else could read it.
  boost::asio::awaitable<Result<std::string>> Enrol(std::string request, std::string peer) override;
  boost::asio::awaitable<Result<transport::HttpAccess>> AccessOf(std::string agent,
                                                                 std::uint32_t generation) override;
  boost::asio::awaitable<Result<std::vector<std::string>>> Heard() override;

  // The line that makes the agent's user in Redis (transport/redis/acl.hpp), with the passwords of
  // its present keys, of those before, and of the next, so that new keys lock nobody out.
  // kNotFound for an agent that is not registered.
  boost::asio::awaitable<Result<std::string>> RedisAcl(store::Actor actor, std::string agent,
                                                       transport::redis::KeyStyle style);
  // The document that makes the agent's user in RabbitMQ (transport/rabbitmq/user.hpp), with the
  // password of its present key. kNotFound for an agent that is not registered.
  boost::asio::awaitable<Result<std::string>> AmqpUser(store::Actor actor, std::string agent,
                                                       std::string vhost, Random& random);

  // A token, with this id, for a server that is not registered yet; its text is shown once.
  // kInvalidArgument for what is no agent's id, kConflict for one that is registered: to enrol that
  // again is done at the panel's own machine.
  struct Issued {
    std::string token;
    WallTime expires_at{};
  };
  boost::asio::awaitable<Result<Issued>> Issue(store::Actor actor, std::string agent, Uuid id);

 private:
  struct Failures {
    unsigned count = 0;
    SteadyTime since{};
  };
  bool TooManyFailures(const std::string& peer);
  void CountFailure(const std::string& peer);

  StoreGate& store_;
  LiveHub& hub_;
  const KeyRing& key_ring_;
  const Clock& clock_;
  Logger& logger_;
  signing::SecretBytes secret_key_;
  JobListener on_finished_;
  std::map<std::string, Failures> failures_;  // by peer
};

// Makes a one-time token for one agent, and keeps what is needed to know it again. The text is
// shown once.
Result<std::string> MakeEnrolmentToken(store::Database& database, std::string_view secret_key,
                                       const std::string& agent, bool re_enrol, Seconds valid_for,
                                       const std::string& created_by, const Clock& clock,
                                       Random& random);

// Offers the agent the keys of its next generation, by a `keys` command under the present ones,
// which the panel sends. Its present keys stay valid until it signs with those. The generation.
Result<std::uint32_t> OfferKeys(store::Database& database, std::string_view secret_key,
                                const std::string& agent, const std::string& by, const Clock& clock,
                                Random& random);

}  // namespace prov::panel
