// What goes wrong at one end of a queue, in its log: each failure once, until it is another one or
// there is a connection again, however often it is tried.
//
// Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/result.hpp"

namespace prov::transport {

class Complaints {
 public:
  // Each is logged as `event`, with `address` (without a password) as its `server`: "redis".
  // `logger` outlives it.
  Complaints(Logger& logger, std::string_view event, std::string_view server, std::string address);

  void Say(std::string_view doing, const Error& error);
  // It went well; the next failure is a new one.
  void Forget(std::string_view doing);
  // There is a connection, which is logged as `event`.
  void Connected(std::string_view event);

 private:
  Logger& logger_;
  std::string event_;
  std::string server_;
  std::string address_;
  std::map<std::string, std::string, std::less<>> said_;  // by what was being done
};

}  // namespace prov::transport
