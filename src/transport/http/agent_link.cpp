#include "transport/http/agent_link.hpp"

#include <optional>
#include <ranges>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "net/backoff.hpp"
#include "signing/http_signature.hpp"
#include "transport/http/messages.hpp"

namespace prov::transport::http {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMostEventBytes = 1 << 20;  // in one request
constexpr std::size_t kMaxAnswerBytes = 16 << 20;
// The second connection goes when there were no events for so long: an idle agent has one.
constexpr Millis kKeepConnection{15'000};

std::string NewNonce(Random& random) { return HexEncode(random.Bytes(16)); }

// ": " and what a problem says to a person, where it does.
std::string DetailOf(const net::ClientResponse& response) {
  const auto problem = json::ParseText(response.body);
  const auto* object = problem ? problem->if_object() : nullptr;
  const auto* detail = object != nullptr ? object->if_contains("detail") : nullptr;
  if (detail == nullptr || !detail->is_string()) return "";
  return ": " + std::string(detail->get_string()).substr(0, 1000);
}

}  // namespace

class HttpAgentLink::Turn {
 public:
  explicit Turn(HttpAgentLink& link) : link_(link) { link_.sending_ = true; }
  Turn(const Turn&) = delete;
  ~Turn() {
    link_.sending_ = false;
    link_.turn_over_.Notify();
  }

 private:
  HttpAgentLink& link_;
};

Result<std::unique_ptr<HttpAgentLink>> HttpAgentLink::Create(asio::any_io_executor executor,
                                                             AgentLinkOptions options,
                                                             const Clock& clock, Random& random,
                                                             Logger& logger) {
  net::ClientOptions client;
  client.origin = options.panel_url;
  client.ca_file = options.ca_file;
  client.answer = kLongestPoll + Millis{20'000};
  client.body_bytes = kMaxAnswerBytes;
  client.keep = kKeepConnection;
  PROV_TRY(auto created, net::HttpClient::Create(executor, std::move(client)));
  return std::unique_ptr<HttpAgentLink>(
      new HttpAgentLink(executor, std::move(options), std::move(created), clock, random, logger));
}

HttpAgentLink::HttpAgentLink(asio::any_io_executor executor, AgentLinkOptions options,
                             std::unique_ptr<net::HttpClient> client, const Clock& clock,
                             Random& random, Logger& logger)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      client_(std::move(client)),
      clock_(clock),
      random_(random),
      logger_(logger),
      turn_over_(executor_) {}

HttpAgentLink::~HttpAgentLink() = default;

asio::awaitable<void> HttpAgentLink::Run(AgentPort& port) {
  using namespace asio::experimental::awaitable_operators;
  sent_ = port.acknowledged();
  co_await (PollLoop(port) && EventLoop(port));
}

asio::awaitable<void> HttpAgentLink::PollLoop(AgentPort& port) {
  std::vector<std::string> taken;
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    const auto polled = co_await PollOnce(port, taken);
    if (polled) {
      Connected(true, "");
      backoff.Reset();
    } else {
      Connected(false, polled.error().ToString());
      co_await net::Pause(backoff);
    }
  }
}

asio::awaitable<Status> HttpAgentLink::PollOnce(AgentPort& port, std::vector<std::string>& taken) {
  Batch batch;
  std::optional<Turn> turn;
  if (!sending_ && !events_refused_ && port.last_event() > sent_) {
    turn.emplace(*this);
    PROV_CO_TRY(batch, co_await NextBatch(port));
  }
  const PollRequest request{taken, batch.events};
  const auto body = co_await Post(std::string(kPollPath), json::Write(request));
  if (turn) Sent(port, batch, body.has_value());
  turn.reset();
  if (!body) co_return body.error();
  PROV_CO_TRY(auto answer, json::Parse<PollAnswer>(*body, {kMaxAnswerBytes, 8}));
  taken.clear();  // the panel has read them
  LearnClock(answer.now);
  if (answer.ack) PROV_CO_CHECK(co_await port.Take(std::move(*answer.ack)));
  for (auto& parcel : answer.parcels) {
    PROV_CO_CHECK(co_await port.Take(std::move(parcel.envelope)));
    taken.push_back(std::move(parcel.id));
  }
  co_return Status();
}

asio::awaitable<void> HttpAgentLink::EventLoop(AgentPort& port) {
  using namespace asio::experimental::awaitable_operators;
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    while (sending_) co_await turn_over_.Wait();
    if (port.last_event() > sent_) {
      const auto done = co_await SendEvents(port);
      if (done) {
        backoff.Reset();
      } else {
        Connected(false, done.error().ToString());
        co_await net::Pause(backoff);
      }
      continue;
    }
    const auto acknowledged = port.acknowledged();
    asio::steady_timer timer(executor_, options_.resend);
    const auto woken = co_await (port.Changed() || turn_over_.Wait() ||
                                 timer.async_wait(asio::as_tuple(asio::use_awaitable)));
    // Sent long ago, and the panel has not taken it: from there again.
    if (woken.index() == 2 && !sending_ && port.acknowledged() == acknowledged)
      sent_ = acknowledged;
  }
}

asio::awaitable<Result<HttpAgentLink::Batch>> HttpAgentLink::NextBatch(AgentPort& port) {
  // The executor may have been acknowledged beyond what this link knows it sent.
  sent_ = std::max(sent_, port.acknowledged());
  PROV_CO_TRY(auto events, co_await port.Events(sent_ + 1, kMostEventBytes));
  Batch batch{{}, sent_};
  for (auto& event : events | std::views::take(kMaxEventsInRequest)) {
    batch.last = event.seq;
    batch.events.push_back(std::move(event.bytes));
  }
  co_return batch;
}

void HttpAgentLink::Sent(AgentPort& port, const Batch& batch, bool arrived) {
  events_refused_ = !arrived;
  sent_ = arrived ? batch.last : port.acknowledged();
}

asio::awaitable<Status> HttpAgentLink::SendEvents(AgentPort& port) {
  const Turn turn(*this);
  PROV_CO_TRY(const auto batch, co_await NextBatch(port));
  if (batch.events.empty()) co_return Status();
  const auto body = co_await Post("/agent/v1/events", json::Write(EventsRequest{batch.events}));
  Sent(port, batch, body.has_value());
  if (!body) co_return body.error();
  PROV_CO_TRY(auto answer, json::Parse<EventsAnswer>(*body, {kMaxAnswerBytes, 8}));
  LearnClock(answer.now);
  if (answer.ack) PROV_CO_CHECK(co_await port.Take(std::move(*answer.ack)));
  co_return Status();
}

asio::awaitable<Result<std::string>> HttpAgentLink::Post(std::string target, std::string body) {
  const signing::HttpSignatureParameters parameters{
      std::chrono::duration_cast<Seconds>((clock_.Now() + offset_).time_since_epoch()).count(),
      NewNonce(random_), signing::HttpKeyId(options_.agent, options_.generation)};
  const auto signature =
      signing::SignHttp({"POST", target, body}, parameters, options_.http_key.view());
  net::ClientRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.headers.Set("Content-Type", "application/json");
  request.headers.Set("Content-Digest", signature.content_digest);
  request.headers.Set("Signature-Input", signature.signature_input);
  request.headers.Set("Signature", signature.signature);
  request.body = std::move(body);
  PROV_CO_TRY(auto response, co_await client_->Send(std::move(request)));
  // A clock that is off is learned even from a refusal, or it would be refused for ever.
  if (const auto date = response.headers.Find("X-Panel-Time")) {
    if (const auto now = ParseTime(*date)) LearnClock(*now);
  }
  if (response.status == 200) co_return std::move(response.body);
  if (response.status == 401) {
    co_return Error{ErrorCode::kUnauthenticated,
                    "the panel does not know this agent's key; enrol it again",
                    {}};
  }
  const bool conflict = response.status == 409;  // another with our key, or the panel's refusal
  co_return Error{conflict ? ErrorCode::kConflict : ErrorCode::kUnavailable,
                  fmt::format("the panel answered {}{}", response.status, DetailOf(response)),
                  {}};
}

void HttpAgentLink::LearnClock(WallTime panel_now) { offset_ = panel_now - clock_.Now(); }

void HttpAgentLink::Connected(bool connected, std::string_view why) {
  if (connected == connected_ && (connected || why == last_failure_)) return;
  connected_ = connected;
  last_failure_ = why;
  if (connected)
    logger_.Info("net_connected", {{"panel", options_.panel_url}});
  else
    logger_.Warning("net_disconnected", {{"panel", options_.panel_url}, {"reason", why}});
}

}  // namespace prov::transport::http
