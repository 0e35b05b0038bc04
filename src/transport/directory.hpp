// What a transport's panel end has to know of agents, and how a new one is registered. The panel
// implements both; the transport knows nothing of stores.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "signing/keys.hpp"

namespace prov::transport {

// What a request of an agent is checked against.
struct HttpAccess {
  signing::SecretBytes key;
  // kConflict, with the sentence to answer, for an agent that is not to be heard now. Told only to
  // whoever has the key.
  Status admitted;
};

class AgentDirectory {
 public:
  virtual ~AgentDirectory() = default;
  // For a registered agent, where this generation of its http key is valid now. kUnauthenticated
  // for anything else; the caller tells the client no more than that.
  virtual boost::asio::awaitable<Result<HttpAccess>> AccessOf(std::string agent,
                                                              std::uint32_t generation) = 0;
  // All that are registered and are to be heard now.
  virtual boost::asio::awaitable<Result<std::vector<std::string>>> Heard() = 0;
};

class Registrar {
 public:
  virtual ~Registrar() = default;
  // An enrolment request as it came (docs/formats/enrolment.md) and the body to answer it with.
  // kUnauthenticated for a token that is not known, used, expired or another agent's, and for a
  // wrong MAC; kInvalidArgument for a malformed request; kConflict for an id that is registered
  // when the token does not allow that.
  virtual boost::asio::awaitable<Result<std::string>> Enrol(std::string request,
                                                            std::string peer) = 0;
};

}  // namespace prov::transport
