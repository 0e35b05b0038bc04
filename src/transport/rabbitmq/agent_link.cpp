#include "transport/rabbitmq/agent_link.hpp"

#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/alarm.hpp"

namespace prov::transport::rabbitmq {
namespace {

namespace asio = boost::asio;

// Four times an envelope's limit (docs/formats/envelope.md). What is longer is no order, and is
// dropped unread.
constexpr std::size_t kMostParcelBytes = 1 << 20;
constexpr std::size_t kMostEventBytes = 1 << 20;  // sent at once
constexpr std::size_t kMostEvents = 1000;
constexpr std::uint16_t kParcelsAtOnce = 1;  // one that ends this process takes no other along

}  // namespace

Result<std::unique_ptr<RabbitmqAgentLink>> RabbitmqAgentLink::Create(asio::any_io_executor executor,
                                                                     AgentLinkOptions options,
                                                                     const Clock& clock,
                                                                     Random& random,
                                                                     Logger& logger) {
  options.connection.name = "provisioning-agent " + options.agent;
  options.connection.most_body_bytes = kMostParcelBytes;
  std::unique_ptr<RabbitmqAgentLink> link(
      new RabbitmqAgentLink(executor, std::move(options), clock, random, logger));
  PROV_CHECK(link->Connect());
  return link;
}

RabbitmqAgentLink::RabbitmqAgentLink(asio::any_io_executor executor, AgentLinkOptions options,
                                     const Clock& clock, Random& random, Logger& logger)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      clock_(clock),
      random_(random),
      complaints_(logger, "net_disconnected", "rabbitmq", ToString(options_.connection.url)),
      ask_again_(options_.ask_again),
      events_opened_(executor_),
      resend_(options_.resend) {}

RabbitmqAgentLink::~RabbitmqAgentLink() = default;

Status RabbitmqAgentLink::Connect() {
  amqp::ClientOptions options;
  options.connection = options_.connection;
  options.first_pause = options_.first_pause;
  options.longest_pause = options_.longest_pause;
  options.on_change = [this](const Status& connection) { Changed(connection); };
  PROV_TRY(client_, amqp::Client::Create(executor_, std::move(options), random_));
  return {};
}

asio::awaitable<void> RabbitmqAgentLink::Run(AgentPort& port) {
  using namespace asio::experimental::awaitable_operators;
  sent_ = acknowledged_ = port.acknowledged();
  co_await (TakeLoop(port) && BeatLoop() && EventLoop(port) && AcknowledgementLoop(port));
}

// ---- what panels send

asio::awaitable<void> RabbitmqAgentLink::TakeLoop(AgentPort& port) {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    auto taken = co_await TakeParcels(port, backoff);
    if (!taken && taken.error().code == ErrorCode::kNotFound) {
      taken = co_await AskForQueue();
      if (taken) continue;
    }
    if (!taken) complaints_.Say("listening to its queue", taken.error());
    co_await net::Pause(backoff);
  }
}

asio::awaitable<Status> RabbitmqAgentLink::TakeParcels(AgentPort& port, net::Backoff& backoff) {
  PROV_CO_TRY(const auto channel, co_await client_->OpenChannel());
  PROV_CO_CHECK(co_await channel->Consume(QueueOf(options_.agent), kParcelsAtOnce));
  ask_again_ = options_.ask_again;
  backoff.Reset();
  for (;;) {
    PROV_CO_TRY(auto delivery, co_await channel->Next());
    co_await TakeOne(port, *channel, std::move(delivery), backoff);
  }
}

// Ends when a panel has made it. To listen again and again to a queue that is not there costs
// RabbitMQ a channel each time, and while it is just being made, RabbitMQ 3.10 ends the connection
// over it. kNotFound where no panel hears it, kTimeout where none answers.
asio::awaitable<Status> RabbitmqAgentLink::AskForQueue() {
  PROV_CO_TRY(auto channel, co_await OpenForAnswers());
  auto question = Presence(kNoQueue);
  question.reply_to = std::string(amqp::kDirectReplyTo);
  PROV_CO_CHECK(co_await channel->Publish({std::move(question)}));
  const net::Alarm alarm(executor_, ask_again_, [&] { channel.reset(); });
  ask_again_ = std::min(2 * ask_again_, options_.longest_ask_again);
  auto answered = co_await channel->Next();
  if (!channel)
    co_return Error{ErrorCode::kTimeout, "no panel says that this agent's queue is made", {}};
  PROV_CO_CHECK(std::move(answered));
  co_return Status();
}

// A parcel that is let go counts as delivered once more.
asio::awaitable<void> RabbitmqAgentLink::TakeOne(AgentPort& port, amqp::Channel& channel,
                                                 amqp::Delivery delivery, net::Backoff& backoff) {
  if (delivery.too_large) {
    complaints_.Say("taking a parcel",
                    {ErrorCode::kTooLarge, "what is too large to be a parcel is dropped", {}});
    co_return channel.Acknowledge(delivery.tag);
  }
  co_await HandOn(port, std::move(delivery.body), backoff);
  channel.Acknowledge(delivery.tag);
  if (delivery.message_id.empty()) co_return;
  auto taken = Presence(kTaken);
  taken.message_id = std::move(delivery.message_id);
  channel.PublishUnconfirmed(taken);
}

// Until the executor has it.
asio::awaitable<void> RabbitmqAgentLink::HandOn(AgentPort& port, std::string bytes,
                                                net::Backoff& backoff) {
  for (;;) {
    const auto taken = co_await port.Take(bytes);
    if (taken) break;
    complaints_.Say("handing a parcel on", taken.error());
    co_await net::Pause(backoff);
  }
  backoff.Reset();
}

// ---- the heartbeat

asio::awaitable<void> RabbitmqAgentLink::BeatLoop() {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    const auto beaten = co_await Beat(backoff);
    heard_ = false;
    if (!beaten) complaints_.Say("sending heartbeats", beaten.error());
    co_await net::Pause(backoff);
  }
}

asio::awaitable<Status> RabbitmqAgentLink::Beat(net::Backoff& backoff) {
  PROV_CO_TRY(const auto channel, co_await client_->OpenChannel());
  PROV_CO_CHECK(co_await channel->UseConfirms());
  for (;;) {
    PROV_CO_CHECK(co_await channel->Publish({Presence(kHeartbeat)}));
    heard_ = true;
    backoff.Reset();
    asio::steady_timer timer(executor_, options_.heartbeat);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

amqp::Message RabbitmqAgentLink::Presence(std::string_view type) const {
  return {.exchange = std::string(kAgentsExchange),
          .routing_key = PresenceKey(options_.agent),
          .body = "",
          .type = std::string(type),
          .message_id = "",
          .persistent = false};
}

// ---- events

asio::awaitable<void> RabbitmqAgentLink::EventLoop(AgentPort& port) {
  using namespace asio::experimental::awaitable_operators;
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    LookAtAcknowledged(port);
    const bool probe = clock_.Steady() >= probe_at_;
    if (!probe && (port.last_event() <= sent_ || !HasRoom(port))) {
      asio::steady_timer timer(
          executor_, std::chrono::duration_cast<Millis>(probe_at_ - clock_.Steady()) + Millis{1});
      co_await (port.Changed() || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
      continue;
    }
    if (probe && !heard_) {
      // Nobody takes what waits there, so that nothing of it is lost. A panel that comes is asked
      // soon.
      resend_ = options_.resend;
      probe_at_ = clock_.Steady() + resend_;
      continue;
    }
    const auto sent = co_await SendEvents(port, probe);
    if (sent) {
      backoff.Reset();
    } else {
      complaints_.Say("sending events", sent.error());
      co_await net::Pause(backoff);
    }
  }
}

// Events of one agent come out of the queue as they went in. So where the acknowledgement of an
// event that was sent again is not the last, what is behind it was lost on the way, or will be sent
// twice.
void RabbitmqAgentLink::LookAtAcknowledged(const AgentPort& port) {
  const auto acknowledged = port.acknowledged();
  if (acknowledged != acknowledged_) {
    acknowledged_ = acknowledged;
    if (std::exchange(probed_, false) && sent_ > acknowledged) {
      sent_ = acknowledged;
      unacknowledged_.clear();
      unacknowledged_bytes_ = 0;
    }
    resend_ = options_.resend;
    probe_at_ = clock_.Steady() + resend_;
  }
  // The executor may have been acknowledged beyond what this link knows it sent.
  sent_ = std::max(sent_, acknowledged);
  if (sent_ == acknowledged) probe_at_ = clock_.Steady() + resend_;
}

// What waits in RabbitMQ is bounded by this.
bool RabbitmqAgentLink::HasRoom(const AgentPort& port) {
  while (!unacknowledged_.empty() && unacknowledged_.front().seq <= port.acknowledged()) {
    unacknowledged_bytes_ -= unacknowledged_.front().bytes;
    unacknowledged_.pop_front();
  }
  return unacknowledged_.size() < kMostEvents && unacknowledged_bytes_ < kMostUnacknowledgedBytes;
}

// The next ones, or again the first that was not acknowledged.
asio::awaitable<Status> RabbitmqAgentLink::SendEvents(AgentPort& port, bool probe) {
  if (!events_ || !events_->open()) PROV_CO_CHECK(co_await OpenEvents());
  const auto from = (probe ? acknowledged_ : sent_) + 1;
  PROV_CO_TRY(auto events, co_await port.Events(from, probe ? 1 : kMostEventBytes));
  if (events.size() > (probe ? 1 : kMostEvents)) events.resize(probe ? 1 : kMostEvents);
  std::vector<amqp::Message> messages;
  std::vector<Sent> sent;
  for (auto& event : events) {
    sent.push_back({event.seq, event.bytes.size()});
    messages.push_back({.exchange = std::string(kAgentsExchange),
                        .routing_key = EventsKey(options_.agent),
                        .body = std::move(event.bytes),
                        .type = "",
                        .message_id = "",
                        .reply_to = std::string(amqp::kDirectReplyTo)});
  }
  if (probe) {
    probed_ = true;
    resend_ = std::min(2 * resend_, options_.longest_resend);
    probe_at_ = clock_.Steady() + resend_;
  }
  if (messages.empty()) co_return Status();
  PROV_CO_CHECK(co_await events_->Publish(std::move(messages)));
  if (probe) co_return Status();
  for (const auto& each : sent) {
    unacknowledged_.push_back(each);
    unacknowledged_bytes_ += each.bytes;
  }
  sent_ = sent.back().seq;
  co_return Status();
}

asio::awaitable<Status> RabbitmqAgentLink::OpenEvents() {
  PROV_CO_TRY(auto channel, co_await OpenForAnswers());
  events_ = std::move(channel);
  events_opened_.Notify();
  ProbeSoon();
  co_return Status();
}

// An acknowledgement goes to the channel that its event came from. What was on its way to one that
// is gone is not waited for: the event is sent again.
asio::awaitable<void> RabbitmqAgentLink::AcknowledgementLoop(AgentPort& port) {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    while (!events_ || !events_->open()) co_await events_opened_.Wait();
    const auto channel = events_;
    auto newest = co_await channel->Next();
    if (!newest) continue;
    while (auto newer = channel->Ready()) newest = std::move(*newer);
    co_await HandOn(port, std::move(newest->body), backoff);
  }
}

// ----

asio::awaitable<Result<std::unique_ptr<amqp::Channel>>> RabbitmqAgentLink::OpenForAnswers() {
  PROV_CO_TRY(auto channel, co_await client_->OpenChannel());
  PROV_CO_CHECK(co_await channel->UseConfirms());
  PROV_CO_CHECK(co_await channel->Consume(std::string(amqp::kDirectReplyTo), 0));
  co_return std::move(channel);
}

void RabbitmqAgentLink::Changed(const Status& connection) {
  if (!connection) return complaints_.Say("connecting", connection.error());
  complaints_.Connected("net_connected");
  ProbeSoon();
}

// RabbitMQ may have lost what it had, and what was answered went nowhere.
void RabbitmqAgentLink::ProbeSoon() {
  resend_ = options_.resend;
  probe_at_ = std::min(probe_at_, clock_.Steady() + resend_);
}

}  // namespace prov::transport::rabbitmq
