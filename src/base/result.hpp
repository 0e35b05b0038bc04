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

#include <concepts>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

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

// What value() says where there is none: a bug in the caller, so an exception.
[[noreturn]] void ThrowUnhandled(const Error& error, const std::source_location& where);

// A value of type T, or an E that says why there is none; never neither. T moves without throwing.
//
// It has the names of boost::system::result, and is not that because a fifth of what this project
// costs the compiler was its instantiations (docs/decisions/0024).
template <class T, class E = Error>
class [[nodiscard]] Result {
  using Where = std::source_location;

 public:
  using value_type = T;

  Result()
    requires std::default_initializable<T>
      : value_() {}
  template <class U = T>
    requires std::convertible_to<U, T> && (!std::same_as<std::remove_cvref_t<U>, Result>)
  Result(U&& value) : value_(std::forward<U>(value)) {}
  Result(E error) : error_(std::move(error)), has_value_(false) {}

  Result(const Result& other)
    requires std::is_copy_constructible_v<T>
      : has_value_(other.has_value_) {
    if (has_value_) {
      std::construct_at(&value_, other.value_);
    } else {
      std::construct_at(&error_, other.error_);
    }
  }
  Result(Result&& other) noexcept : has_value_(other.has_value_) {
    if (has_value_) {
      std::construct_at(&value_, std::move(other.value_));
    } else {
      std::construct_at(&error_, std::move(other.error_));
    }
  }
  Result& operator=(Result other) noexcept {
    std::destroy_at(this);
    return *std::construct_at(this, std::move(other));
  }
  ~Result() {
    if (has_value_) {
      std::destroy_at(&value_);
    } else {
      std::destroy_at(&error_);
    }
  }

  bool has_value() const { return has_value_; }
  bool has_error() const { return !has_value_; }
  explicit operator bool() const { return has_value_; }

  // std::logic_error where it holds an error, with the place of the call.
  T& value(const Where& where = Where::current()) & { return Held(where), value_; }
  const T& value(const Where& where = Where::current()) const& { return Held(where), value_; }
  T value(const Where& where = Where::current()) && { return Held(where), std::move(value_); }
  // The same, without the place.
  T& operator*() & { return Held({}), value_; }
  const T& operator*() const& { return Held({}), value_; }
  // By value: what a loop or a reference takes from a temporary result outlives it.
  T operator*() && { return Held({}), std::move(value_); }
  T* operator->() { return Held({}), &value_; }
  const T* operator->() const { return Held({}), &value_; }

  // E{} where there is a value.
  E error() const& { return has_value_ ? E{} : error_; }
  E error() && { return has_value_ ? E{} : std::move(error_); }

 private:
  void Held(const Where& where) const {
    if (!has_value_) ThrowUnhandled(error_, where);
  }

  union {
    T value_;
    E error_;
  };
  bool has_value_ = true;
};

// Done, or an E that says why not.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  using value_type = void;

  Result() = default;
  Result(E error) : error_(std::move(error)), has_value_(false) {}

  bool has_value() const { return has_value_; }
  bool has_error() const { return !has_value_; }
  explicit operator bool() const { return has_value_; }
  void value(const std::source_location& where = std::source_location::current()) const {
    if (!has_value_) ThrowUnhandled(error_, where);
  }
  E error() const& { return error_; }
  E error() && { return std::move(error_); }

 private:
  E error_;
  bool has_value_ = true;
};

using Status = Result<void>;

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
