#include "base/result.hpp"

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

namespace prov {

std::string_view ToString(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kExhausted:
      return "exhausted";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCanceled:
      return "canceled";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error Error::While(std::string doing) && {
  context.push_back(std::move(doing));
  return std::move(*this);
}

std::string Error::ToString() const {
  std::string text;
  for (auto it = context.rbegin(); it != context.rend(); ++it) text += *it + ": ";
  return text + message;
}

Error ErrnoError(std::string_view doing, int number) {
  auto code = ErrorCode::kIo;
  if (number == ENOENT) code = ErrorCode::kNotFound;
  if (number == EACCES || number == EPERM) code = ErrorCode::kPermissionDenied;
  if (number == ENOSPC || number == EDQUOT || number == EMFILE) code = ErrorCode::kExhausted;
  return Error{code, fmt::format("{}: {}", doing, std::generic_category().message(number)), {}};
}

Error ErrnoError(std::string_view doing) { return ErrnoError(doing, errno); }

void ThrowUnhandled(const Error& error, const std::source_location& where) {
  const auto place =
      where.line() == 0 ? "" : fmt::format("{}:{}: ", where.file_name(), where.line());
  throw std::logic_error(place + "an error was not handled: " + error.ToString());
}

}  // namespace prov
