#include "cli/api_client.hpp"

#include <poll.h>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "base/json.hpp"
#include "net/http_client.hpp"

namespace prov::cli {
namespace {

namespace asio = boost::asio;

constexpr int kMostAttempts = 60;  // to find a stream again, with a second between
constexpr std::string_view kJson = "application/json";

// Runs `io` until the coroutine has ended.
template <class T>
T Await(asio::io_context& io, asio::awaitable<T> work) {
  std::optional<T> outcome;
  std::exception_ptr failure;
  asio::co_spawn(io, std::move(work), [&](std::exception_ptr thrown, T got) {
    failure = thrown;
    outcome.emplace(std::move(got));
  });
  io.restart();
  while (!outcome && !failure && io.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
  return std::move(*outcome);
}

constexpr std::string_view kHowToSignIn =
    "\nGive an API token with --token-file FILE, PROVISIONCTL_TOKEN_FILE or PROVISIONCTL_TOKEN; "
    "`provisioning-panel token create --name NAME` makes one.";

Failure ProblemOf(int status, const std::string& body) {
  Failure failure;
  const bool who = status == 401 || status == 403;
  failure.status =
      who || status >= 500 || status == 429 ? ExitStatus::kUnreachable : ExitStatus::kUsage;
  failure.message = fmt::format("the panel answered {}", status);
  const auto problem = json::ParseText(body);
  if (!problem || !problem->is_object()) return failure;
  const auto& object = problem->get_object();
  if (const auto detail = Text(object, "detail"); !detail.empty()) failure.message = detail;
  if (status == 401) failure.message += kHowToSignIn;
  if (const auto* errors = object.if_contains("errors"); errors && errors->is_array()) {
    for (const auto& each : errors->get_array()) {
      if (!each.is_object()) continue;
      auto field = Text(each.get_object(), "field");
      if (field.starts_with("/inputs/")) field = field.substr(8);
      failure.message += fmt::format("\n  {}: {}", field, Text(each.get_object(), "message"));
    }
  }
  return failure;
}

}  // namespace

std::string Text(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

void ThrowUnhandled(const Failure& failure, const std::source_location&) {
  throw std::logic_error("a failure was taken for a value: " + failure.message);
}

ExitStatus StatusOf(std::string_view job_status) {
  if (job_status == "succeeded") return ExitStatus::kOk;
  if (job_status == "failed" || job_status == "timed_out") return ExitStatus::kFailed;
  if (job_status == "canceled" || job_status == "rejected" || job_status == "expired")
    return ExitStatus::kNotExecuted;
  return ExitStatus::kUnknown;
}

struct ApiClient::State {
  ApiOptions options;
  asio::io_context io{1};
  std::unique_ptr<net::HttpClient> client;
  std::string wrong;  // why there is no client

  net::ClientRequest Request(std::string method, const std::string& target) const {
    net::ClientRequest request;
    request.method = std::move(method);
    request.target = target;
    if (!options.token.empty()) request.headers.Set("Authorization", "Bearer " + options.token);
    return request;
  }

  Failure Unreachable(const Error& error) const {
    return {ExitStatus::kUnreachable,
            fmt::format("the panel at {} cannot be reached: {}\nIs it running? `./dev up` starts "
                        "one here; --panel URL names another.",
                        options.panel, error.message)};
  }

  OrFailure<net::ClientResponse> Send(net::ClientRequest request) {
    if (!client) return Failure{ExitStatus::kUsage, wrong};
    auto response = Await(io, client->Send(std::move(request)));
    if (!response) return Unreachable(response.error());
    if (response->status / 100 != 2) return ProblemOf(response->status, response->body);
    return std::move(*response);
  }

  OrFailure<boost::json::value> SendJson(net::ClientRequest request) {
    request.headers.Set("Accept", std::string(kJson));
    const auto response = Send(std::move(request));
    if (!response) return response.error();
    if (response->status == 204) return boost::json::value();
    auto value = json::ParseText(response->body, {std::size_t{64} << 20, 64});
    if (!value) {
      return Failure{ExitStatus::kUnreachable,
                     options.panel + " does not answer as a panel does: " + value.error().message};
    }
    return std::move(*value);
  }

  OrFailure<boost::json::value> SendJson(net::ClientRequest request,
                                         const boost::json::value& body) {
    request.headers.Set("Content-Type", std::string(kJson));
    request.body = json::Serialize(body);
    return SendJson(std::move(request));
  }
};

ApiClient::ApiClient(ApiOptions options) : state_(new State{std::move(options), {}, {}, {}}) {
  net::ClientOptions client;
  client.origin = state_->options.panel;
  client.ca_file = state_->options.ca_file;
  client.body_bytes = std::size_t{128} << 20;
  client.answer = state_->options.answer;
  auto created = net::HttpClient::Create(state_->io.get_executor(), std::move(client));
  if (created)
    state_->client = std::move(*created);
  else
    state_->wrong = "--panel: " + created.error().message;
}

ApiClient::~ApiClient() = default;

OrFailure<boost::json::value> ApiClient::Get(const std::string& target) {
  return state_->SendJson(state_->Request("GET", target));
}

OrFailure<boost::json::value> ApiClient::Post(const std::string& target,
                                              const boost::json::value& body,
                                              const std::string& idempotency_key) {
  auto request = state_->Request("POST", target);
  if (!idempotency_key.empty()) request.headers.Set("Idempotency-Key", idempotency_key);
  if (body.is_null()) return state_->SendJson(std::move(request));
  return state_->SendJson(std::move(request), body);
}

OrFailure<boost::json::value> ApiClient::Patch(const std::string& target,
                                               const boost::json::value& body) {
  return state_->SendJson(state_->Request("PATCH", target), body);
}

OrFailure<boost::json::value> ApiClient::Delete(const std::string& target) {
  return state_->SendJson(state_->Request("DELETE", target));
}

OrFailure<std::string> ApiClient::GetText(const std::string& target) {
  auto request = state_->Request("GET", target);
  request.headers.Set("Accept", "text/plain");
  auto response = state_->Send(std::move(request));
  if (!response) return response.error();
  return std::move(response->body);
}

OrFailure<bool> ApiClient::Follow(const std::string& target,
                                  const std::function<bool(const net::SseEvent&)>& on_event) {
  auto& state = *state_;
  if (!state.client) return Failure{ExitStatus::kUsage, state.wrong};
  std::string last;
  Failure why{ExitStatus::kUnreachable, "the stream ended"};
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    if (attempt > 0) poll(nullptr, 0, 1000);
    auto request = state.Request("GET", target);
    request.headers.Set("Accept", "text/event-stream");
    if (!last.empty()) request.headers.Set("Last-Event-ID", last);
    auto stream = Await(state.io, state.client->Open(std::move(request)));
    if (!stream) {
      why = state.Unreachable(stream.error());
      continue;
    }
    if ((*stream)->status() == 204) return true;
    if ((*stream)->status() != 200) {
      const auto body = Await(state.io, (*stream)->Read());
      why = ProblemOf((*stream)->status(), body ? *body : "");
      if ((*stream)->status() < 500) return why;
      continue;
    }
    attempt = 0;
    net::SseParser parser;
    for (;;) {
      const auto bytes = Await(state.io, (*stream)->Read());
      if (!bytes || bytes->empty()) break;
      const auto events = parser.Feed(*bytes);
      if (!events) break;
      for (const auto& event : *events) {
        last = event.id;
        if (!on_event(event)) return true;
      }
    }
  }
  return why;
}

}  // namespace prov::cli
