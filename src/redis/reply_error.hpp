// What an error reply of Redis means to its caller. Stable: the code is decided by the reply's
// first word, and the message says what to do.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "redis/resp.hpp"

namespace prov::redis {

// The reply's first word, "" where it has none that is in capitals: "WRONGPASS".
std::string_view ErrorName(std::string_view reply);

// kUnauthenticated   WRONGPASS, NOAUTH, DENIED
// kPermissionDenied  NOPERM
// kExhausted         OOM
// kUnavailable       LOADING, READONLY, MISCONF, MASTERDOWN, NOREPLICAS, CLUSTERDOWN, TRYAGAIN,
//                    BUSY, UNBLOCKED, MOVED, ASK
// kNotFound          NOGROUP
// kConflict          BUSYGROUP, EXECABORT, NOSCRIPT
// kInvalidArgument   CROSSSLOT, WRONGTYPE, and any other
//
// The reply's text is in the message, without the arguments of a command that it may repeat.
Error FromErrorReply(std::string_view reply);

// The value, or the error that it is.
Result<Value> ToResult(Value value);

}  // namespace prov::redis
