#include "transport/rabbitmq/panel_end.hpp"

#include <algorithm>
#include <exception>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/encoding.hpp"
#include "net/alarm.hpp"
#include "transport/queue_error.hpp"
#include "transport/rabbitmq/names.hpp"

namespace prov::transport::rabbitmq {
namespace {

namespace asio = boost::asio;

constexpr std::uint16_t kEventsAtOnce = 200;                       // of one shard
constexpr std::size_t kMostWaitingEvents = std::size_t{32} << 20;  // bytes, of all shards
constexpr std::size_t kMostBatchBytes = std::size_t{4} << 20;
constexpr int kForgotten = 6;  // PanelEndOptions::leaderless, after which a silence is another one

// An agent may ask for an answer to itself, not to others' queues. Where the answer does not
// arrive, it asks again.
void Answer(amqp::Channel& channel, const std::string& reply_to, std::string_view type,
            std::string body) {
  if (!amqp::IsDirectReplyAddress(reply_to)) return;
  channel.PublishUnconfirmed({.exchange = "",
                              .routing_key = reply_to,
                              .body = std::move(body),
                              .type = std::string(type),
                              .message_id = "",
                              .persistent = false});
}

}  // namespace

Result<std::unique_ptr<PanelEnd>> PanelEnd::Create(asio::any_io_executor executor,
                                                   PanelEndOptions options, EventSink& sink,
                                                   AgentDirectory& directory, const Clock& clock,
                                                   Random& random, Logger& logger) {
  options.connection.name = "provisioning-panel";
  std::unique_ptr<PanelEnd> end(new PanelEnd(std::move(executor), std::move(options), sink,
                                             directory, clock, random, logger));
  PROV_CHECK(end->Connect());
  return end;
}

PanelEnd::PanelEnd(asio::any_io_executor executor, PanelEndOptions options, EventSink& sink,
                   AgentDirectory& directory, const Clock& clock, Random& random, Logger& logger)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      sink_(sink),
      directory_(directory),
      clock_(clock),
      random_(random),
      logger_(logger),
      complaints_(logger, "queue_failed", "rabbitmq", ToString(options_.connection.url)),
      asked_(executor_),
      hears_now_(executor_),
      round_(executor_),
      tasks_(executor_, [this](std::exception_ptr failure) {
        try {
          std::rethrow_exception(failure);
        } catch (const std::exception& error) {
          complaints_.Say("reading events", {ErrorCode::kInternal, error.what(), {}});
        }
      }) {}

PanelEnd::~PanelEnd() = default;

Status PanelEnd::Connect() {
  amqp::ClientOptions client;
  client.connection = options_.connection;
  client.first_pause = options_.first_pause;
  client.longest_pause = options_.longest_pause;
  auto events = client;
  events.connection.most_body_bytes = kMostBatchBytes;
  events.connection.most_waiting_bytes = kMostWaitingEvents;
  client.on_change = [this](const Status& connection) {
    connection_ = connection;
    if (!connection) return complaints_.Say("connecting", connection.error());
    complaints_.Connected("queue_connected");
  };
  PROV_TRY(client_, amqp::Client::Create(executor_, std::move(client), random_));
  PROV_TRY(events_, amqp::Client::Create(executor_, std::move(events), random_));
  return {};
}

void PanelEnd::Start() {
  started_ = true;
  tasks_.Spawn(HearLoop());
  tasks_.Spawn(RoundLoop());
  tasks_.Spawn(QueueLoop());
  for (std::size_t shard = 0; shard < kEventShards; ++shard) tasks_.Spawn(EventLoop(shard));
}

asio::awaitable<void> PanelEnd::Stop() {
  tasks_.Close();
  tasks_.CancelAll();
  co_await tasks_.Wait();
  outwards_.reset();
  co_await client_->Stop();
  co_await events_->Stop();
}

// ---- outwards

// One channel for all calls: one that closes it, over a queue that is not as it should be, ends
// those under way, which are made again.
asio::awaitable<Result<std::shared_ptr<amqp::Channel>>> PanelEnd::Outwards() {
  if (outwards_ && outwards_->open()) co_return outwards_;
  auto opened = co_await client_->OpenChannel();
  if (!opened) co_return QueueError(std::move(opened).error(), server());
  const std::shared_ptr<amqp::Channel> channel = std::move(*opened);
  if (auto used = co_await channel->UseConfirms(); !used)
    co_return QueueError(std::move(used).error(), server());
  // Another call may have been faster.
  if (!outwards_ || !outwards_->open()) outwards_ = channel;
  co_return outwards_;
}

// What waits in the agent's queue, made where it is not there. A broker that is very busy counts
// none where there are some: then a parcel may be sent twice, which the agent passes over.
asio::awaitable<Result<std::size_t>> PanelEnd::DeclareAndCount(const std::string& agent) {
  PROV_CO_TRY(const auto channel, co_await Outwards());
  const auto declared = co_await channel->DeclareQueue(ParcelQueue(agent));
  if (!declared) co_return QueueError(Error(declared.error()), server());
  auto& pushed = pushed_[agent];
  if (declared->ready == 0) {
    std::erase_if(pushed, [&](const auto& each) {
      return clock_.Steady() - each.second >= options_.unreceipted;
    });
  }
  const auto waiting = std::max<std::size_t>(declared->ready, pushed.size());
  if (pushed.empty()) pushed_.erase(agent);
  co_return waiting;
}

asio::awaitable<Status> PanelEnd::Push(std::string agent, Parcel parcel) {
  PROV_CO_TRY(const auto waiting, co_await DeclareAndCount(agent));
  PROV_CO_CHECK(co_await UntilItHears());
  const auto found = pushed_.find(agent);
  if (found != pushed_.end() && found->second.contains(parcel.id)) co_return Status();
  if (waiting >= options_.parcels)
    co_return Error{ErrorCode::kExhausted, "too much waits for " + agent, {}};
  PROV_CO_TRY(const auto channel, co_await Outwards());
  const bool job = parcel.kind == ParcelKind::kJob;
  std::vector<amqp::Message> messages{{.exchange = "",
                                       .routing_key = QueueOf(agent),
                                       .body = std::move(parcel.bytes),
                                       .type = std::string(job ? kJob : kCommand),
                                       .message_id = parcel.id}};
  // Before the broker's word: the agent's may be here sooner.
  pushed_[agent][parcel.id] = clock_.Steady();
  auto published = co_await channel->Publish(std::move(messages));
  if (published) {
    silent_.erase(agent);
    co_return Status();
  }
  ForgetPushed(agent, parcel.id);
  if (published.error().code == ErrorCode::kTimeout) co_await QueueIsSilent(agent);
  co_return QueueError(std::move(published).error(), server());
}

// RabbitMQ 3.10 writes down with a delay where it keeps a quorum queue. One that was made just
// before it is killed comes back without a leader, is declared as if it were well, and takes and
// gives out nothing any more. What it held is sent again.
asio::awaitable<void> PanelEnd::QueueIsSilent(const std::string& agent) {
  const auto now = clock_.Steady();
  auto& since = silent_.try_emplace(agent, now).first->second;
  // What was long ago has nothing to do with it.
  if (now - since > kForgotten * options_.leaderless) since = now;
  if (now - since < options_.leaderless) co_return;
  silent_.erase(agent);
  pushed_.erase(agent);
  complaints_.Say("pushing", {ErrorCode::kUnavailable,
                              QueueOf(agent) + " confirms nothing any more, and is made anew"});
  // The next push makes it. To delete it may take RabbitMQ longer than it is waited for.
  const auto channel = co_await Outwards();
  if (channel) std::ignore = co_await (*channel)->DeleteQueue(QueueOf(agent));
}

void PanelEnd::ForgetPushed(const std::string& agent, const std::string& id) {
  const auto found = pushed_.find(agent);
  if (found == pushed_.end()) return;
  found->second.erase(id);
  if (found->second.empty()) pushed_.erase(found);
}

asio::awaitable<Result<bool>> PanelEnd::Holds(std::string agent, Parcel parcel) {
  PROV_CO_TRY(const auto waiting, co_await DeclareAndCount(agent));
  (void)waiting;
  const auto found = pushed_.find(agent);
  co_return found != pushed_.end() && found->second.contains(parcel.id);
}

asio::awaitable<Result<std::size_t>> PanelEnd::Depth(std::string agent) {
  co_return co_await DeclareAndCount(agent);
}

// ---- who is there

// A parcel that is taken before would count as held for as long as one that nobody takes.
asio::awaitable<Status> PanelEnd::UntilItHears() {
  using namespace asio::experimental::awaitable_operators;
  const auto until = clock_.Steady() + options_.connection.answer;
  while (started_ && !hears_) {
    const auto left = until - clock_.Steady();
    if (left <= Millis{0})
      co_return Error{ErrorCode::kUnavailable, "RabbitMQ does not say yet what agents take", {}};
    asio::steady_timer timer(executor_, left);
    co_await (hears_now_.Wait() || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
  }
  co_return Status();
}

asio::awaitable<void> PanelEnd::HearLoop() {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    const auto heard = co_await Hear(backoff);
    hears_ = false;
    if (!heard) complaints_.Say("listening", heard.error());
    co_await net::Pause(backoff);
  }
}

asio::awaitable<Status> PanelEnd::Hear(net::Backoff& backoff) {
  PROV_CO_TRY(const auto channel, co_await client_->OpenChannel());
  // The one of a connection that was lost may still be there for a while.
  const auto name = "provisioning.panel." + HexEncode(random_.Bytes(8));
  PROV_CO_CHECK(co_await channel->DeclareExchange(std::string(kAgentsExchange), "topic"));
  PROV_CO_TRY(const auto made, co_await channel->DeclareQueue(PresenceQueue(name)));
  (void)made;
  PROV_CO_CHECK(
      co_await channel->Bind(name, std::string(kAgentsExchange), std::string(kAllPresence)));
  PROV_CO_CHECK(co_await channel->Consume(name, 0));
  hears_ = true;
  hears_now_.Notify();
  backoff.Reset();
  for (;;) {
    PROV_CO_TRY(const auto told, co_await channel->Next());
    Told(told);
  }
}

// Never waits: what RabbitMQ answers to a declaration comes behind all that this is still to hear.
void PanelEnd::Told(const amqp::Delivery& told) {
  const auto agent = AgentOfPresence(told.routing_key);
  if (agent.empty()) return;
  // Also of one that is not known yet: it is not said again.
  if (told.type == kTaken) {
    ForgetPushed(agent, told.message_id);
    silent_.erase(agent);
  }
  if (told.type == kNoQueue) AsksForQueue(agent, told.reply_to);
  if (known_.contains(agent)) return sink_.Seen(agent);
  if (!strangers_.Heard(agent, clock_.Steady())) return;
  // The directory says whether it is an agent, enrolled since the last round.
  round_now_ = true;
  round_.Notify();
}

// Of whoever cannot be told that it is made, it is made with its first job.
void PanelEnd::AsksForQueue(const std::string& agent, const std::string& reply_to) {
  if (!amqp::IsDirectReplyAddress(reply_to)) return;
  if (known_.contains(agent)) {
    asking_[agent] = reply_to;
    asked_.Notify();
  } else if (strangers_asking_.contains(agent) || strangers_asking_.size() < Strangers::kMost) {
    strangers_asking_[agent] = reply_to;
  }
}

asio::awaitable<void> PanelEnd::RoundLoop() {
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    round_now_ = false;
    if (const auto looked = co_await LookAtDirectory(); !looked)
      complaints_.Say("asking who is to be heard", looked.error());
    asio::steady_timer timer(executor_, options_.between_rounds);
    co_await timer.async_wait(asio::use_awaitable);
    timer.expires_after(options_.round);
    if (!round_now_)
      co_await (round_.Wait() || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
  }
}

asio::awaitable<Status> PanelEnd::LookAtDirectory() {
  strangers_.Asking();
  PROV_CO_TRY(auto agents, co_await directory_.Heard());
  for (const auto& agent : strangers_.Answered(agents, clock_.Steady())) Know(agent);
  known_ = {std::make_move_iterator(agents.begin()), std::make_move_iterator(agents.end())};
  co_return Status();
}

void PanelEnd::Know(const std::string& agent) {
  known_.insert(agent);
  sink_.Seen(agent);
  auto asking = strangers_asking_.extract(agent);
  if (asking.empty()) return;
  asking_.insert(std::move(asking));
  asked_.Notify();
}

asio::awaitable<void> PanelEnd::QueueLoop() {
  for (;;) {
    while (asking_.empty()) co_await asked_.Wait();
    const Millis stagger{Dice(static_cast<std::size_t>(options_.stagger.count()))};
    asio::steady_timer timer(executor_, stagger);
    co_await timer.async_wait(asio::use_awaitable);
    co_await MakeQueues();
  }
}

// By chance, so that two panels are seldom at the same one.
asio::awaitable<void> PanelEnd::MakeQueues() {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  while (!asking_.empty()) {
    auto asked = asking_.extract(
        std::next(asking_.begin(), static_cast<std::ptrdiff_t>(Dice(asking_.size()))));
    const auto made = co_await MakeQueue(asked.key(), asked.mapped());
    if (made) {
      backoff.Reset();
      continue;
    }
    complaints_.Say("making queues", made.error());
    // What is wrong with the queue itself is for a person.
    const auto code = made.error().code;
    if (code == ErrorCode::kConflict || code == ErrorCode::kPermissionDenied) continue;
    asking_.insert(std::move(asked));
    co_await net::Pause(backoff);
  }
}

std::size_t PanelEnd::Dice(std::size_t below) {
  std::uint32_t dice = 0;
  random_.Fill(&dice, sizeof dice);
  return dice % std::max<std::size_t>(below, 1);
}

asio::awaitable<Status> PanelEnd::MakeQueue(const std::string& agent, const std::string& reply_to) {
  PROV_CO_TRY(const auto channel, co_await Outwards());
  PROV_CO_TRY(const auto made, co_await channel->DeclareQueue(ParcelQueue(agent)));
  (void)made;
  Answer(*channel, reply_to, kQueueMade, "");
  co_return Status();
}

// ---- their events

asio::awaitable<void> PanelEnd::EventLoop(std::size_t shard) {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    const auto taken = co_await TakeEvents(shard, backoff);
    if (!taken) complaints_.Say("reading events", taken.error());
    co_await net::Pause(backoff);
  }
}

// An error leaves the channel, and with it all that was not acknowledged to whoever listens next.
asio::awaitable<Status> PanelEnd::TakeEvents(std::size_t shard, net::Backoff& backoff) {
  PROV_CO_TRY(auto channel, co_await events_->OpenChannel());
  PROV_CO_CHECK(co_await channel->DeclareExchange(std::string(kAgentsExchange), "topic"));
  for (const auto& queue : {DeadQueue(), EventsQueueOf(shard)}) {
    PROV_CO_TRY(const auto made, co_await channel->DeclareQueue(queue));
    (void)made;
  }
  PROV_CO_CHECK(
      co_await channel->Bind(EventsQueue(shard), std::string(kAgentsExchange), AllEventsOf(shard)));
  PROV_CO_CHECK(co_await channel->Consume(EventsQueue(shard), kEventsAtOnce));
  for (;;) {
    std::vector<amqp::Delivery> batch;
    PROV_CO_TRY(auto first, co_await channel->Next());
    batch.push_back(std::move(first));
    std::size_t bytes = batch.front().body.size();
    while (bytes < kMostBatchBytes) {
      auto next = channel->Ready();
      if (!next) break;
      bytes += next->body.size();
      batch.push_back(std::move(*next));
    }
    const auto last = batch.back().tag;
    {
      const net::Alarm alarm(executor_, options_.lease, [&] { channel.reset(); });
      PROV_CO_CHECK(co_await DeliverAll(std::move(batch)));
    }
    if (!channel)
      co_return Error{
          ErrorCode::kTimeout, "the store took events too slowly, others may do it", {}};
    channel->Acknowledge(last, /*multiple=*/true);
    backoff.Reset();
    complaints_.Forget("reading events");
  }
}

asio::awaitable<Status> PanelEnd::DeliverAll(std::vector<amqp::Delivery> batch) {
  std::map<std::string, Events> events;
  std::size_t junk = 0;
  for (auto& each : batch) {
    auto agent = AgentOfEvents(each.routing_key);
    if (agent.empty() || each.too_large) {
      ++junk;
    } else {
      auto& of = events[std::move(agent)];
      of.bytes.push_back(std::move(each.body));
      of.reply_to = std::move(each.reply_to);
    }
  }
  if (junk > 0) {
    logger_.Warning("event_refused",
                    {{"reason", "messages among events that are none: " + std::to_string(junk)}});
  }
  for (auto& [agent, of] : events) PROV_CO_CHECK(co_await DeliverTo(agent, std::move(of)));
  co_return Status();
}

// What the sink refuses for good is forgotten: what was not applied, the agent sends again.
asio::awaitable<Status> PanelEnd::DeliverTo(std::string agent, Events events) {
  auto delivered = co_await sink_.Deliver(agent, std::move(events.bytes));
  if (!delivered && IsToBeDeliveredAgain(delivered.error())) co_return delivered.error();
  if (!delivered || delivered->empty()) co_return Status();
  // What could be verified was an agent's, which may be registered just now.
  if (!known_.contains(agent)) Know(agent);
  const auto channel = co_await Outwards();
  if (channel) Answer(**channel, events.reply_to, "", std::move(*delivered));
  co_return Status();
}

}  // namespace prov::transport::rabbitmq
