// What the errors of a server that holds a queue mean to whoever pushes and delivers.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace prov::transport {

// Whatever keeps `server` ("Redis") from taking something: the caller tries again. Only that it is
// full is another thing.
inline Error QueueError(Error error, std::string_view server) {
  if (error.code != ErrorCode::kExhausted) error.code = ErrorCode::kUnavailable;
  return std::move(error).While("asking " + std::string(server));
}

// Of EventSink::Deliver: nothing of what was delivered was kept, and the same may be taken later.
inline bool IsToBeDeliveredAgain(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kExhausted ||
         error.code == ErrorCode::kTimeout;
}

}  // namespace prov::transport
