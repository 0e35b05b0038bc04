// GET /api/jobs/{id}/log: page by page from the store, so that a log larger than memory can be
// read.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "net/http_message.hpp"
#include "panel/live/live_routes.hpp"

namespace prov::panel {

boost::asio::awaitable<net::Response> GetLog(std::shared_ptr<const LiveDependencies> dependencies,
                                             net::Request request);

// The answer to an error of the store; tells on_error what the server itself got wrong.
net::Response MakeFailure(const LiveDependencies& dependencies, const Error& error);

}  // namespace prov::panel
