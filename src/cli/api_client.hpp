// The panel's API, for a program that does one thing at a time: every call blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>

#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/result.hpp"
#include "net/sse.hpp"

namespace prov::cli {

// What provisionctl ends with (API.md, "CLI exit status"). The one table.
enum class ExitStatus {
  kOk = 0,
  kFailed = 1,       // failed, timed out
  kUsage = 2,        // usage, validation
  kNotExecuted = 3,  // canceled, rejected, expired
  kUnreachable = 4,  // the panel is not there, or refused who is asking
  kUnknown = 5,      // lost, interrupted
};
ExitStatus StatusOf(std::string_view job_status);

struct ApiOptions {
  std::string panel;  // its origin
  std::string token;
  Path ca_file = "/etc/ssl/certs/ca-certificates.crt";
  Millis answer{60'000};  // how long one may take
};

// What went wrong, ready to be shown: a sentence, each bad field on a line of its own.
struct Failure {
  ExitStatus status = ExitStatus::kUsage;
  std::string message;
};
template <class T>
using OrFailure = Result<T, Failure>;

[[noreturn]] void ThrowUnhandled(const Failure& failure, const std::source_location& where);

// A member of an answer that is a text; "" where there is none.
std::string Text(const boost::json::object& object, std::string_view name);

class ApiClient {
 public:
  explicit ApiClient(ApiOptions options);
  ~ApiClient();

  // An answer without content (204) is null.
  OrFailure<boost::json::value> Get(const std::string& target);
  OrFailure<boost::json::value> Post(const std::string& target, const boost::json::value& body,
                                     const std::string& idempotency_key = "");
  OrFailure<boost::json::value> Patch(const std::string& target, const boost::json::value& body);
  OrFailure<boost::json::value> Delete(const std::string& target);
  // Any text, as it is.
  OrFailure<std::string> GetText(const std::string& target);
  // Every event of a stream until it ends, over lost connections; false of `on_event` ends it
  // early.
  OrFailure<bool> Follow(const std::string& target,
                         const std::function<bool(const net::SseEvent&)>& on_event);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace prov::cli
