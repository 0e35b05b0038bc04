// Opening a connection to a host: its name, TCP and TLS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "net/io.hpp"

namespace prov::net {

struct DialTarget {
  std::string host;  // a name or an IP address, without brackets
  std::uint16_t port = 0;
  std::shared_ptr<TlsContext> tls;  // none: plain TCP
  // Whether plain TCP may leave this machine, where anybody on the way can read it.
  bool plain_beyond_loopback = false;
  Millis within{10'000};  // name, TCP and TLS together
};

// Tries each address of the name. kUnavailable (DNS, refused, unreachable), kTimeout,
// kPermissionDenied (the certificate, or plain TCP that would leave this machine), kInvalidArgument
// (a name that no certificate can have), kUnauthenticated (a client certificate is wanted).
boost::asio::awaitable<Result<std::unique_ptr<Io>>> Dial(boost::asio::any_io_executor executor,
                                                         DialTarget target);

}  // namespace prov::net
