#include "transport/http/panel_end.hpp"

#include <ranges>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/json.hpp"
#include "net/json_body.hpp"
#include "net/problem.hpp"
#include "signing/http_signature.hpp"

namespace prov::transport::http {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMaxEnrolBytes = 64 * 1024;

Error Unsigned() {
  return {ErrorCode::kUnauthenticated, "the request is not signed by a registered agent", {}};
}

// "" where it stands twice too: somebody on the way may have read the other one.
std::string Field(const net::Request& request, std::string_view name) {
  if (request.headers.Count(name) != 1) return "";
  return std::string(*request.headers.Find(name));
}

// A timer that goes is nobody's to wake any more.
class Forget {
 public:
  Forget(asio::steady_timer*& waiting, asio::steady_timer& timer)
      : waiting_(waiting), timer_(timer) {}
  Forget(const Forget&) = delete;
  ~Forget() {
    if (waiting_ == &timer_) waiting_ = nullptr;
  }

 private:
  asio::steady_timer*& waiting_;
  asio::steady_timer& timer_;
};

}  // namespace

PanelEnd::PanelEnd(asio::any_io_executor executor, const Clock& clock, EventSink& sink,
                   AgentDirectory& directory, Registrar& registrar, Logger& logger,
                   PanelEndLimits limits)
    : executor_(std::move(executor)),
      clock_(clock),
      sink_(sink),
      directory_(directory),
      registrar_(registrar),
      logger_(logger),
      limits_(limits) {}

PanelEnd::~PanelEnd() = default;

void PanelEnd::AddRoutes(net::Router& router) {
  const std::string open(net::kOpenScope);
  router.Add({"POST", "/agent/v1/enroll", open, kMaxEnrolBytes,
              [this](net::Request request) { return Enroll(std::move(request)); }});
  router.Add({"POST", std::string(kPollPath), open, kMaxPollBytes,
              [this](net::Request request) { return Poll(std::move(request)); }});
  router.Add({"POST", "/agent/v1/events", open, kMaxPollBytes,
              [this](net::Request request) { return Events(std::move(request)); }});
}

void PanelEnd::Close() {
  closed_ = true;
  for (auto& [agent, mailbox] : mailboxes_) mailbox->Wake();
}

std::size_t PanelEnd::remembered() const {
  auto agents = nonces_.size();
  for (const auto& [agent, mailbox] : mailboxes_) agents += nonces_.contains(agent) ? 0 : 1;
  return agents;
}

std::shared_ptr<PanelEnd::Mailbox> PanelEnd::MailboxOf(const std::string& agent) {
  auto& mailbox = mailboxes_[agent];
  if (!mailbox) mailbox = std::make_shared<Mailbox>();
  return mailbox;
}

asio::awaitable<Status> PanelEnd::Push(std::string agent, Parcel parcel) {
  auto& mailbox = *MailboxOf(agent);
  if (std::ranges::find(mailbox.parcels, parcel.id, &Parcel::id) != mailbox.parcels.end())
    co_return Status();
  if (mailbox.parcels.size() >= limits_.parcels)
    co_return Error{ErrorCode::kExhausted, "too much waits for " + agent, {}};
  mailbox.parcels.push_back(std::move(parcel));
  mailbox.Wake();
  co_return Status();
}

asio::awaitable<Result<bool>> PanelEnd::Holds(std::string agent, Parcel parcel) {
  const auto found = mailboxes_.find(agent);
  co_return found != mailboxes_.end() &&
      std::ranges::find(found->second->parcels, parcel.id, &Parcel::id) !=
          found->second->parcels.end();
}

asio::awaitable<Result<std::size_t>> PanelEnd::Depth(std::string agent) {
  const auto found = mailboxes_.find(agent);
  co_return found == mailboxes_.end() ? 0 : found->second->parcels.size();
}

// A nonce is forgotten by the steady clock, so what was too old once must stay it. Agents follow:
// they learn the time from the answers.
WallTime PanelEnd::Now() {
  const auto wall = clock_.Now();
  const auto steady = clock_.Steady();
  const auto expected = anchor_wall_ + std::chrono::duration_cast<Millis>(steady - anchor_steady_);
  if (wall < expected) return expected;
  anchor_wall_ = wall;
  anchor_steady_ = steady;
  return wall;
}

void PanelEnd::ForgetWhoLeft() {
  const auto now = clock_.Steady();
  if (now - swept_ < kNonceLife) return;
  swept_ = now;
  std::erase_if(nonces_, [&](const auto& each) { return each.second.Expired(now); });
  // A poll that waits holds its mailbox too.
  std::erase_if(mailboxes_, [](const auto& each) {
    return each.second->parcels.empty() && each.second.use_count() == 1;
  });
}

net::Response PanelEnd::Refused(const net::Request& request, const Error& error) {
  if (error.code == ErrorCode::kUnauthenticated) {
    // What exactly was wrong is for the log, not for who asks.
    logger_.Warning("agent_request_refused",
                    {{"path", request.path}, {"peer", request.peer}, {"reason", error.ToString()}});
    auto response = net::MakeProblem(401, "unauthenticated", Unsigned().message);
    // An agent whose clock is off must be able to learn it from a refusal.
    response.headers.Set("X-Panel-Time", FormatTime(Now()));
    return response;
  }
  return net::MakeProblem(net::ToProblem(error));
}

asio::awaitable<Result<std::string>> PanelEnd::Authenticate(const net::Request& request) {
  const signing::HttpSignature signature{Field(request, "Content-Digest"),
                                         Field(request, "Signature-Input"),
                                         Field(request, "Signature")};
  PROV_CO_TRY(const auto parameters, signing::ParseHttpSignature(signature.signature_input));
  PROV_CO_TRY(const auto name, signing::ParseHttpKeyId(parameters.keyid));
  PROV_CO_TRY(const auto access, co_await directory_.AccessOf(name.agent, name.generation));
  const signing::HttpRequestParts parts{request.method, request.target, request.body};
  PROV_CO_CHECK(signing::VerifyHttp(parts, signature, access.key.view(), Now()));
  ForgetWhoLeft();
  auto& window = nonces_.try_emplace(name.agent, limits_.requests).first->second;
  PROV_CO_CHECK(window.Take(parameters.nonce, clock_.Steady()));
  PROV_CO_CHECK(access.admitted);
  co_return name.agent;
}

asio::awaitable<net::Response> PanelEnd::Enroll(net::Request request) {
  auto answer = co_await registrar_.Enrol(std::move(request.body), request.peer);
  if (!answer) co_return Refused(request, answer.error());
  net::Response response;
  response.headers.Set("Content-Type", "application/json");
  response.headers.Set("Cache-Control", "no-store");
  response.body = std::move(*answer);
  co_return response;
}

asio::awaitable<Result<std::string>> PanelEnd::Deliver(std::string agent,
                                                       std::vector<std::string> events) {
  if (events.empty()) co_return std::string();
  if (events.size() > kMaxEventsInRequest)
    co_return Error{ErrorCode::kTooLarge, "too many events in one request", {}};
  co_return co_await sink_.Deliver(std::move(agent), std::move(events));
}

asio::awaitable<net::Response> PanelEnd::Events(net::Request request) {
  auto agent = co_await Authenticate(request);
  if (!agent) co_return Refused(request, agent.error());
  auto body = net::ReadJsonBody<EventsRequest>(request, {kMaxPollBytes, 8});
  if (auto* refusal = std::get_if<net::Response>(&body)) co_return std::move(*refusal);
  sink_.Seen(*agent);
  auto ack = co_await Deliver(*agent, std::move(std::get<EventsRequest>(body).events));
  if (!ack) co_return Refused(request, ack.error());
  EventsAnswer answer{Now(), std::nullopt};
  if (!ack->empty()) answer.ack = std::move(*ack);
  co_return net::MakeJson(json::ToValue(answer));
}

asio::awaitable<net::Response> PanelEnd::Poll(net::Request request) {
  auto agent = co_await Authenticate(request);
  if (!agent) co_return Refused(request, agent.error());
  auto body = net::ReadJsonBody<PollRequest>(request, {kMaxPollBytes, 8});
  if (auto* refusal = std::get_if<net::Response>(&body)) co_return std::move(*refusal);
  auto& poll = std::get<PollRequest>(body);
  sink_.Seen(*agent);
  const auto mailbox = MailboxOf(*agent);
  std::erase_if(mailbox->parcels, [&](const Parcel& parcel) {
    return std::ranges::find(poll.taken, parcel.id) != poll.taken.end();
  });
  const auto number = ++mailbox->poll;
  mailbox->Wake();  // an older poll ends

  const bool carried = !poll.events.empty();
  auto ack = co_await Deliver(*agent, std::move(poll.events));
  if (!ack) co_return Refused(request, ack.error());
  // The agent may have more events: what carried some is not held.
  if (!carried) co_await WaitForParcels(request, mailbox, number);
  if (mailbox->poll != number) {
    // An agent polls once at a time, so nobody reads this, or two have the same key. Answered like
    // any other poll, both would poll again at once, for ever.
    co_return net::MakeProblem(409, "poll_superseded", "a newer poll of this agent came");
  }
  PollAnswer answer;
  answer.now = Now();
  if (!ack->empty()) answer.ack = std::move(*ack);
  // All that is not known to be taken, also what an earlier answer had: the agent polls only after
  // it took what it got, so that answer never came.
  for (const auto& parcel : mailbox->parcels | std::views::take(limits_.parcels_at_once))
    answer.parcels.push_back({parcel.id, parcel.bytes});
  co_return net::MakeJson(json::ToValue(answer));
}

asio::awaitable<void> PanelEnd::WaitForParcels(net::Request& request,
                                               std::shared_ptr<Mailbox> mailbox,
                                               std::uint64_t poll) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(executor_, limits_.poll);
  const Forget forget(mailbox->waiting, timer);
  while (!closed_ && mailbox->poll == poll && mailbox->parcels.empty()) {
    mailbox->waiting = &timer;
    const auto ended =
        co_await (timer.async_wait(asio::as_tuple(asio::use_awaitable)) || request.peer_closed());
    if (ended.index() != 0 || !std::get<0>(std::get<0>(ended))) co_return;
  }
}

}  // namespace prov::transport::http
