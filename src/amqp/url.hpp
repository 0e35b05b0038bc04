// Where a RabbitMQ is, and as whom to sign in:
//
//   amqp://[USER:PASSWORD@]HOST[:5672][,HOST[:PORT]]..[/VHOST]
//
// Several hosts are nodes of one cluster, each as good as the others. amqps:// is the same over
// TLS, with port 5671. User, password and vhost are percent-decoded;
// without a user it is RabbitMQ's own "guest", without a vhost "/". The password is in no error,
// and nothing prints it. https://www.rabbitmq.com/docs/uri-spec
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/address.hpp"

namespace prov::amqp {

struct Url {
  bool tls = false;
  std::string user = "guest";
  std::string password = "guest";
  bool names_user = false;              // in the text, not by default
  std::vector<net::Address> addresses;  // one at least
  std::string vhost = "/";
};

// kInvalidArgument with what is wrong and how it is written; nothing of the text is said again.
Result<Url> ParseUrl(std::string_view text);
// As it is parsed, without user and password: for logs.
std::string ToString(const Url& url);

}  // namespace prov::amqp
