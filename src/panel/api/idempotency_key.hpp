// Idempotency-Key, as HTTP carries it.
#pragma once

#include "net/http_message.hpp"
#include "panel/dispatch/idempotency.hpp"

namespace prov::panel {

// Nothing without the header; kInvalidArgument unless there is one, of 1 to 255 characters. Bound
// to the path, so that one key does not stand for two kinds of request.
Result<std::optional<IdempotencyRequest>> IdempotencyOf(const net::Request& request);
net::Response BadKey(const Error& error);

// The first time, and again.
net::Response AnswerStored(const store::StoredResponse& stored);
net::Response AnswerAgain(const store::StoredResponse& stored);

}  // namespace prov::panel
