#include "amqp/reply_error.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace prov::amqp {
namespace {

constexpr std::size_t kMostText = 500;

struct Meaning {
  std::uint16_t code;
  ErrorCode error;
  std::string_view advice;
};

constexpr Meaning kMeanings[] = {
    {311, ErrorCode::kTooLarge, "the message is larger than RabbitMQ takes"},
    {320, ErrorCode::kUnavailable,
     "RabbitMQ is being stopped, or an operator ended the connection"},
    {403, ErrorCode::kPermissionDenied,
     "RabbitMQ does not allow it to this user; look at its permissions (provisionctl amqp-user)"},
    {404, ErrorCode::kNotFound, "there is no such queue or exchange; panels declare them"},
    {405, ErrorCode::kConflict, "another connection has the queue for itself"},
    {406, ErrorCode::kConflict,
     "it exists with other arguments than a panel gives it; delete it, and it is made anew"},
    {506, ErrorCode::kExhausted, "RabbitMQ is at a limit of its own"},
    {530, ErrorCode::kPermissionDenied,
     "is the virtual host in the URL right, and may this user use it?"},
    {541, ErrorCode::kUnavailable, "RabbitMQ failed; its log says why"},
};

}  // namespace

Error FromReply(std::uint16_t code, std::string_view text) {
  std::string said(text.substr(0, kMostText));
  std::ranges::replace_if(said, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  const auto* known =
      std::ranges::find_if(kMeanings, [&](const Meaning& each) { return each.code == code; });
  if (known == std::end(kMeanings))
    return {ErrorCode::kInvalidArgument, fmt::format("RabbitMQ refused it: {} {}", code, said)};
  return {known->error, fmt::format("{} ({} {})", known->advice, code, said)};
}

}  // namespace prov::amqp
