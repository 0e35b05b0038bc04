// Result<T>: a value, or an Error that says in a sentence what went wrong.
//
// Errors that a caller is expected to meet are returned; exceptions come from libraries and from
// bugs, and end at the adapter around the library. PROV_TRY passes an error on:
//
//   Result<Manifest> Load(const Path& dir) {
//     PROV_TRY(auto text, ReadFile(dir / "manifest.yml", kMaxManifestBytes));
//     return Parse(text);
//   }
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/system/result.hpp>

namespace prov {

// What kind of failure it is; decides the HTTP status and the exit status (one exhaustive mapping
// each).
enum class ErrorCode {
  kInvalidArgument,   // the caller's input breaks a rule
  kNotFound,          // what was named does not exist
  kConflict,          // the state of things does not allow it, or somebody else was faster
  kUnauthenticated,   // who is asking is not known
  kPermissionDenied,  // known, but not allowed
  kTooLarge,          // over a documented limit
  kExhausted,         // a quota, a disk, a queue is full
  kUnsupported,       // valid, but not on this machine or in this version
  kTimeout,           // not finished in the time given
  kUnavailable,       // a peer, a store or a queue cannot be reached; trying again may help
  kCanceled,          // stopped on request
  kCorrupt,           // stored or received bytes are not what they must be
  kIo,                // the operating system refused
  kInternal,          // a bug
};

std::string_view ToString(ErrorCode code);

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // a sentence for a person: what is wrong and what would be right
  std::vector<std::string> context;  // what was being done, innermost first

  // The same error, with what was being done when it came up.
  Error While(std::string doing) &&;
  // "reading /etc/x: opening the registry: permission denied"
  std::string ToString() const;
};

// From errno (or `number`): kNotFound, kPermissionDenied, kExhausted (ENOSPC, EDQUOT, EMFILE), else
// kIo.
Error ErrnoError(std::string_view doing, int number);
Error ErrnoError(std::string_view doing);

template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
 public:
  using value_type = T;
  using boost::system::result<T, Error>::result;
};

using Status = Result<void>;

// boost::system::result's hook for value() on an error: a bug in the caller, so an exception.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

}  // namespace prov

#define PROV_CONCAT_IMPL(a, b) a##b
#define PROV_CONCAT(a, b) PROV_CONCAT_IMPL(a, b)
#define PROV_TRY_IMPL(temporary, declaration, expression, return_keyword) \
  auto temporary = (expression);                                          \
  if (temporary.has_error()) return_keyword std::move(temporary).error(); \
  declaration = std::move(*temporary)
// Declares what `declaration` says with the value of `expression`, or returns its error.
#define PROV_TRY(declaration, expression) \
  PROV_TRY_IMPL(PROV_CONCAT(prov_try_, __LINE__), declaration, expression, return)
#define PROV_CO_TRY(declaration, expression) \
  PROV_TRY_IMPL(PROV_CONCAT(prov_try_, __LINE__), declaration, expression, co_return)
// Returns the error of `expression`, if it has one.
#define PROV_CHECK(expression)                                      \
  do {                                                              \
    if (auto prov_checked = (expression); prov_checked.has_error()) \
      return std::move(prov_checked).error();                       \
  } while (false)
#define PROV_CO_CHECK(expression)                                   \
  do {                                                              \
    if (auto prov_checked = (expression); prov_checked.has_error()) \
      co_return std::move(prov_checked).error();                    \
  } while (false)
