// How simulated agents become known: as real ones do, by a request over TLS that proves SECRET_KEY
// (docs/formats/enrolment.md), and with a user of their own in Redis or RabbitMQ.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "net/http_client.hpp"
#include "redis/client.hpp"
#include "simulated_agent.hpp"

namespace prov::bench {

// kPermissionDenied where the panel refuses.
boost::asio::awaitable<Result<SimulatedIdentity>> Enrol(net::HttpClient& panel, std::string agent,
                                                        std::string_view secret_key,
                                                        const Clock& clock, Random& random);

// Makes the agent's user. `administrator` may do so.
boost::asio::awaitable<Status> MakeRedisUser(redis::Client& administrator,
                                             const SimulatedIdentity& identity);

// Definitions of the agent's user in RabbitMQ, for an administrator.
std::string RabbitmqUserOf(const SimulatedIdentity& identity, Random& random);

}  // namespace prov::bench
