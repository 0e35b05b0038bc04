#include "transport/redis/agent_link.hpp"

#include <ranges>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/backoff.hpp"
#include "redis/reply_error.hpp"
#include "transport/redis/stream.hpp"

namespace prov::transport::redis {
namespace {

namespace asio = boost::asio;
using prov::redis::Command;
using prov::redis::Value;

// Of one list element: four times an envelope's limit (docs/formats/envelope.md). What is longer is
// no order, and is dropped unread.
constexpr std::size_t kMostParcelBytes = 1 << 20;
// Sent at once: within kAnswer a line of a quarter of a megabit a second has it over.
constexpr std::size_t kMostEventBytes = 128 << 10;
constexpr std::size_t kMostEvents = 1000;
constexpr Millis kAnswer{5'000};
constexpr int kMostCommands = 100;  // taken before anything else is looked at

}  // namespace

Result<std::unique_ptr<RedisAgentLink>> RedisAgentLink::Create(asio::any_io_executor executor,
                                                               AgentLinkOptions options,
                                                               const Clock& clock, Random& random,
                                                               Logger& logger) {
  options.connection.name = "provisioning-agent";
  options.connection.cluster_key = KeysOf(options.agent, options.keys).jobs;
  options.connection.limits = {.depth = 4,
                               .elements = 16 * kMostEvents,
                               .bulk_bytes = kMostParcelBytes,
                               .reply_bytes = 2 * kMostParcelBytes};
  PROV_TRY(auto connector, prov::redis::Connector::Create(executor, options.connection));
  std::unique_ptr<RedisAgentLink> link(new RedisAgentLink(
      executor, std::move(options), std::move(connector), clock, random, logger));
  PROV_CHECK(link->Connect());
  return link;
}

RedisAgentLink::RedisAgentLink(asio::any_io_executor executor, AgentLinkOptions options,
                               std::unique_ptr<prov::redis::Connector> connector,
                               const Clock& clock, Random& random, Logger& logger)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      keys_(KeysOf(options_.agent, options_.keys)),
      clock_(clock),
      random_(random),
      complaints_(logger, "net_disconnected", "redis", ToString(options_.connection.url)),
      connector_(std::move(connector)),
      jobs_(*connector_),
      wake_(executor_) {}

RedisAgentLink::~RedisAgentLink() = default;

Status RedisAgentLink::Connect() {
  prov::redis::ClientOptions options;
  options.connection = options_.connection;
  options.first_pause = options_.first_pause;
  options.longest_pause = options_.longest_pause;
  options.channels = {keys_.wake};
  options.on_change = [this](const Status& connection) { Changed(connection); };
  options.on_message = [this](std::string_view, std::string_view) {
    woken_ = true;
    wake_.Notify();
  };
  PROV_TRY(client_, prov::redis::Client::Create(executor_, std::move(options), random_));
  return {};
}

asio::awaitable<void> RedisAgentLink::Run(AgentPort& port) {
  using namespace asio::experimental::awaitable_operators;
  co_await (JobLoop(port) && DeskLoop(port) && EventLoop(port));
}

// ---- jobs

asio::awaitable<void> RedisAgentLink::JobLoop(AgentPort& port) {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    const auto taken = co_await TakeJobs(port);
    if (taken) {
      backoff.Reset();
    } else {
      complaints_.Say("waiting for jobs", taken.error());
      co_await net::Pause(backoff);
    }
  }
}

asio::awaitable<Status> RedisAgentLink::TakeJobs(AgentPort& port) {
  // A life before this one may have moved it, or a connection that is gone and that Redis has not
  // noticed yet.
  PROV_CO_CHECK(co_await TakeProcessing(port));
  const auto seconds = static_cast<double>(options_.wait.count()) / 1000;
  PROV_CO_TRY(auto moved, co_await jobs_.Call({"BLMOVE", keys_.jobs, keys_.processing, "LEFT",
                                               "RIGHT", std::to_string(seconds)},
                                              options_.wait));
  if (moved.is_null()) co_return Status();
  co_return co_await TakeJob(port, std::move(moved.text));
}

asio::awaitable<Status> RedisAgentLink::TakeProcessing(AgentPort& port) {
  for (;;) {
    auto first = co_await jobs_.Call({"LINDEX", keys_.processing, "0"}, kAnswer);
    if (!first && first.error().code == ErrorCode::kTooLarge) {
      complaints_.Say("dropping what is too large to be a job", first.error());
      PROV_CO_CHECK(co_await jobs_.Call({"LTRIM", keys_.processing, "1", "-1"}, kAnswer));
      continue;
    }
    if (!first) co_return first.error();
    if (first->is_null()) co_return Status();
    PROV_CO_CHECK(co_await TakeJob(port, std::move(first->text)));
  }
}

asio::awaitable<Status> RedisAgentLink::TakeJob(AgentPort& port, std::string parcel) {
  PROV_CO_CHECK(co_await port.Take(parcel));
  PROV_CO_CHECK(co_await jobs_.Call({"LREM", keys_.processing, "1", std::move(parcel)}, kAnswer));
  co_return Status();
}

// ---- the heartbeat, acknowledgements and commands

asio::awaitable<void> RedisAgentLink::DeskLoop(AgentPort& port) {
  using namespace asio::experimental::awaitable_operators;
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    woken_ = false;
    // Each by itself: behind a slow line, or in a Redis without room, a heartbeat may fail for
    // long.
    auto done = clock_.Steady() >= beat_at_ ? co_await Beat() : Status();
    auto acknowledged = co_await TakeAck(port);
    if (done) done = std::move(acknowledged);
    auto commanded = co_await TakeCommands(port);
    if (done) done = std::move(commanded);
    if (!done) {
      complaints_.Say("looking for commands", done.error());
      co_await net::Pause(backoff);
      continue;
    }
    backoff.Reset();
    const auto until_beat =
        std::chrono::duration_cast<Millis>(beat_at_ - clock_.Steady()) + Millis{1};
    asio::steady_timer timer(executor_, std::max(Millis{0}, until_beat));
    if (!woken_) co_await (wake_.Wait() || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
  }
}

asio::awaitable<Status> RedisAgentLink::Beat() {
  const auto now = clock_.Steady();
  PROV_CO_CHECK(co_await CallAll({{"SET", keys_.heartbeat, FormatTime(clock_.Now()), "PX",
                                   std::to_string(options_.heartbeat_life.count())},
                                  {"PUBLISH", keys_.events, std::string(kHeartbeatMessage)}}));
  beat_at_ = now + options_.heartbeat;
  co_return Status();
}

// Where it gets lost on the way, its events are sent again, and acknowledged again.
asio::awaitable<Status> RedisAgentLink::TakeAck(AgentPort& port) {
  PROV_CO_TRY(auto ack, co_await client_->Call({"GETDEL", keys_.ack}, kAnswer));
  if (ack.is_null()) co_return Status();
  co_return co_await port.Take(std::move(ack.text));
}

asio::awaitable<Status> RedisAgentLink::TakeCommands(AgentPort& port) {
  for (int i = 0; i < kMostCommands; ++i) {
    auto first = co_await client_->Call({"LINDEX", keys_.control, "0"}, kAnswer);
    if (!first && first.error().code == ErrorCode::kTooLarge) {
      complaints_.Say("dropping what is too large to be a command", first.error());
      PROV_CO_CHECK(co_await client_->Call({"LTRIM", keys_.control, "1", "-1"}, kAnswer));
      continue;
    }
    if (!first) co_return first.error();
    if (first->is_null()) co_return Status();
    PROV_CO_CHECK(co_await port.Take(first->text));
    PROV_CO_CHECK(
        co_await client_->Call({"LREM", keys_.control, "1", std::move(first->text)}, kAnswer));
  }
  woken_ = true;  // there may be more
  co_return Status();
}

// ---- events

asio::awaitable<void> RedisAgentLink::EventLoop(AgentPort& port) {
  using namespace asio::experimental::awaitable_operators;
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  bool begun = false;
  auto acknowledged = port.acknowledged();
  auto remind_at = clock_.Steady() + options_.resend;
  for (;;) {
    if (port.acknowledged() != acknowledged || sent_ <= acknowledged) {
      acknowledged = port.acknowledged();
      remind_at = clock_.Steady() + options_.resend;
    }
    const bool remind = clock_.Steady() >= remind_at;
    if (begun && !remind && (port.last_event() <= sent_ || !HasRoom(port))) {
      asio::steady_timer timer(
          executor_, std::chrono::duration_cast<Millis>(remind_at - clock_.Steady()) + Millis{1});
      co_await (port.Changed() || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
      continue;
    }
    if (remind) remind_at = clock_.Steady() + options_.resend;
    const auto done = !begun   ? co_await ForgetSent(port)
                      : remind ? co_await Remind(port)
                               : co_await SendEvents(port);
    if (done) {
      begun = true;
      backoff.Reset();
    } else {
      complaints_.Say("sending events", done.error());
      co_await net::Pause(backoff);
    }
  }
}

// What a life before this one sent and nobody took is sent anew, or it would stand there twice.
asio::awaitable<Status> RedisAgentLink::ForgetSent(AgentPort& port) {
  PROV_CO_CHECK(co_await client_->Call({"DEL", keys_.events}, kAnswer));
  sent_ = port.acknowledged();
  co_return Status();
}

// What waits in Redis is bounded by this.
bool RedisAgentLink::HasRoom(const AgentPort& port) {
  while (!unacknowledged_.empty() && unacknowledged_.front().seq <= port.acknowledged()) {
    unacknowledged_bytes_ -= unacknowledged_.front().bytes;
    unacknowledged_.pop_front();
  }
  return unacknowledged_.size() < kMostEvents && unacknowledged_bytes_ < kMostUnacknowledgedBytes;
}

asio::awaitable<Status> RedisAgentLink::SendEvents(AgentPort& port) {
  // The executor may have been acknowledged beyond what this link knows it sent.
  sent_ = std::max(sent_, port.acknowledged());
  PROV_CO_TRY(auto events, co_await port.Events(sent_ + 1, kMostEventBytes));
  std::vector<Command> commands;
  std::vector<Sent> sent;
  for (auto& event : events | std::views::take(kMostEvents)) {
    sent.push_back({event.seq, event.bytes.size()});
    commands.push_back(
        {"XADD", keys_.events, "*", std::string(kEventField), std::move(event.bytes)});
  }
  if (commands.empty()) co_return Status();
  commands.push_back({"PUBLISH", keys_.events, std::string(kEventsMessage)});
  PROV_CO_CHECK(co_await CallAll(std::move(commands)));
  for (const auto& each : sent) {
    unacknowledged_.push_back(each);
    unacknowledged_bytes_ += each.bytes;
  }
  sent_ = sent.back().seq;
  co_return Status();
}

// Sent long ago and not acknowledged. What still stands in Redis waits for a panel that was not
// told; what does not was lost, or refused: from there again.
asio::awaitable<Status> RedisAgentLink::Remind(AgentPort& port) {
  if (sent_ <= port.acknowledged()) co_return Status();
  PROV_CO_TRY(const auto waiting, co_await client_->Call({"XLEN", keys_.events}, kAnswer));
  if (waiting.integer > 0) {
    PROV_CO_CHECK(
        co_await client_->Call({"PUBLISH", keys_.events, std::string(kEventsMessage)}, kAnswer));
    co_return Status();
  }
  sent_ = port.acknowledged();
  unacknowledged_.clear();
  unacknowledged_bytes_ = 0;
  co_return Status();
}

// ----

// An error reply to one of them is an error of all; those before it were carried out.
asio::awaitable<Result<std::vector<Value>>> RedisAgentLink::CallAll(std::vector<Command> commands) {
  PROV_CO_TRY(auto replies, co_await client_->CallAll(std::move(commands), kAnswer));
  for (const auto& reply : replies) {
    if (reply.is_error()) co_return prov::redis::FromErrorReply(reply.text);
  }
  co_return replies;
}

void RedisAgentLink::Changed(const Status& connection) {
  if (!connection) return complaints_.Say("connecting", connection.error());
  complaints_.Connected("net_connected");
  // It may be empty, and what was published since is lost.
  beat_at_ = {};
  woken_ = true;
  wake_.Notify();
}

}  // namespace prov::transport::redis
