// Where a Redis is, and as whom to sign in:
//
//   redis://[[USER]:PASSWORD@]HOST[:6379][/DB]
//   redis+sentinel://[[USER]:PASSWORD@]HOST[:26379][,HOST[:PORT]]../MASTER-NAME[/DB]
//   redis+cluster://[[USER]:PASSWORD@]HOST[:6379][,HOST[:PORT]]..
//
// rediss://, rediss+sentinel:// and rediss+cluster:// are the same over TLS. User, password and
// names are percent-decoded. Sentinels are asked for the master by this name, and get no password:
// those that want one are configured apart (ConnectionOptions). Of a Cluster some nodes are enough:
// they know the others. The password is in no error, and nothing prints it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/address.hpp"

namespace prov::redis {

using net::Address;

struct Url {
  bool tls = false;
  std::string user;                // "": Redis's default user
  std::string password;            // "": none
  std::vector<Address> addresses;  // one, or Sentinels, or nodes of a Cluster
  std::string master_name;         // "": no Sentinel
  int database = 0;
  bool cluster = false;

  bool sentinel() const { return !master_name.empty(); }
};

// kInvalidArgument with what is wrong and how it is written.
Result<Url> ParseUrl(std::string_view text);
// As it is parsed, without user and password: for logs.
std::string ToString(const Url& url);

}  // namespace prov::redis
