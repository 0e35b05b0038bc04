// What a reply code of RabbitMQ, with which it closes a channel or a connection, means to a caller.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace prov::amqp {

// kUnavailable       320 CONNECTION_FORCED, 541 INTERNAL_ERROR
// kTooLarge          311 CONTENT_TOO_LARGE
// kPermissionDenied  403 ACCESS_REFUSED, 530 NOT_ALLOWED (an unknown virtual host besides)
// kNotFound          404 NOT_FOUND
// kConflict          405 RESOURCE_LOCKED, 406 PRECONDITION_FAILED
// kExhausted         506 RESOURCE_ERROR
// kInvalidArgument   any other
//
// The server's text is in the message, which says what to do.
Error FromReply(std::uint16_t code, std::string_view text);

}  // namespace prov::amqp
