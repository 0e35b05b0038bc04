// Who asks, behind a reverse proxy.
#pragma once

#include <string>

#include "net/http_message.hpp"

namespace prov::panel {

// Whether the request may be served: from `proxy` alone, where one is configured ("" is none). What
// the proxy says of its client then becomes the request's peer: the last address of the last
// X-Forwarded-For, which is the one that the proxy itself saw and added; what stands before it
// anybody could have sent. Without a proxy the header means nothing.
bool TakeForwarded(const std::string& proxy, net::Request& request);

}  // namespace prov::panel
