#include "transport/redis/panel_end.hpp"

#include <algorithm>
#include <exception>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/encoding.hpp"
#include "net/backoff.hpp"
#include "redis/reply_error.hpp"
#include "transport/queue_error.hpp"
#include "transport/redis/stream.hpp"

namespace prov::transport::redis {
namespace {

namespace asio = boost::asio;
using prov::redis::Command;
using prov::redis::Notice;
using prov::redis::Value;

constexpr std::size_t kEntriesAtOnce = 1000;
constexpr std::size_t kMostStreamBytes =
    2 * (kMostUnacknowledgedBytes + kMostUnacknowledgedBytes / 4);
constexpr std::size_t kAgentsAtOnce = 200;  // in one piece of a round
// An acknowledgement is older by then than its signature is valid.
constexpr Millis kAckLife = std::chrono::hours{1};

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
      complaints_(logger, "queue_failed", "redis", ToString(options_.connection.url)),
      name_(HexEncode(random.Bytes(16))),
      round_(executor_),
      tasks_(executor_, [this](std::exception_ptr failure) {
        try {
          std::rethrow_exception(failure);
        } catch (const std::exception& error) {
          complaints_.Say("reading events", {ErrorCode::kInternal, error.what(), {}});
        }
      }) {}

PanelEnd::~PanelEnd() = default;

prov::redis::ClientOptions PanelEnd::Options() const {
  prov::redis::ClientOptions client;
  client.connection = options_.connection;
  client.answer = options_.answer;
  client.silence = options_.answer;
  client.first_pause = options_.first_pause;
  client.longest_pause = options_.longest_pause;
  return client;
}

Status PanelEnd::Connect() {
  auto client = Options();
  client.on_change = [this](const Status& connection) {
    connection_ = connection;
    if (!connection) return complaints_.Say("connecting", connection.error());
    complaints_.Connected("queue_connected");
    // What a node of a Cluster has was not read while it was away.
    RoundSoon();
  };
  PROV_TRY(client_, prov::redis::MakePipeline(executor_, std::move(client), random_));
  return {};
}

Status PanelEnd::AddReader() {
  auto options = Options();
  options.connection.limits = {.depth = 4,
                               .elements = 16 * kEntriesAtOnce,
                               .bulk_bytes = kMostStreamBytes,
                               .reply_bytes = kMostStreamBytes};
  PROV_TRY(auto streams, prov::redis::MakePipeline(executor_, std::move(options), random_));
  readers_.push_back(std::make_unique<Reader>(executor_, std::move(streams)));
  tasks_.Spawn(ReadLoop(*readers_.back()));
  return {};
}

void PanelEnd::Start() {
  prov::redis::SubscriberOptions options;
  options.connection = options_.connection;
  options.first_pause = options_.first_pause;
  options.longest_pause = options_.longest_pause;
  auto subscriber = prov::redis::Subscriber::Create(executor_, std::move(options), random_);
  // With the same options the client was made.
  if (!subscriber) return complaints_.Say("subscribing", subscriber.error());
  subscriber_ = std::move(*subscriber);
  subscriber_->SubscribePattern(EventsPattern(options_.keys));
  for (std::size_t i = 0; i < options_.readers; ++i) {
    if (const auto added = AddReader(); !added)
      return complaints_.Say("reading events", added.error());
  }
  tasks_.Spawn(Listen());
  tasks_.Spawn(GoRound());
}

asio::awaitable<void> PanelEnd::Stop() {
  tasks_.Close();
  tasks_.CancelAll();
  co_await tasks_.Wait();
  if (subscriber_) co_await subscriber_->Stop();
  for (const auto& reader : readers_) co_await reader->streams->Stop();
  co_await GiveLeasesBack();
  co_await client_->Stop();
}

// ---- outwards

asio::awaitable<Result<std::vector<Value>>> PanelEnd::CallAll(std::vector<Command> commands) {
  auto replies = co_await client_->CallAll(std::move(commands), options_.answer);
  if (!replies) co_return QueueError(std::move(replies).error(), server());
  for (const auto& reply : *replies) {
    if (reply.is_error()) co_return QueueError(prov::redis::FromErrorReply(reply.text), server());
  }
  co_return std::move(*replies);
}

// In the order in which a parcel moves: what is in none of its lists has left them.
asio::awaitable<Result<PanelEnd::Waiting>> PanelEnd::Look(const AgentKeys& keys,
                                                          const Parcel& parcel) {
  const bool job = parcel.kind == ParcelKind::kJob;
  PROV_CO_TRY(const auto replies,
              co_await CallAll({{"LPOS", job ? keys.jobs : keys.control, parcel.bytes},
                                {"LPOS", keys.processing, parcel.bytes},
                                {"LLEN", keys.jobs},
                                {"LLEN", keys.processing},
                                {"LLEN", keys.control}}));
  Waiting waiting;
  waiting.held = !replies[0].is_null() || !replies[1].is_null();
  for (const auto at : {2, 3, 4})
    waiting.parcels += static_cast<std::size_t>(replies[static_cast<std::size_t>(at)].integer);
  co_return waiting;
}

asio::awaitable<Status> PanelEnd::Push(std::string agent, Parcel parcel) {
  const auto keys = KeysOf(agent, options_.keys);
  PROV_CO_TRY(const auto waiting, co_await Look(keys, parcel));
  if (waiting.held) co_return Status();
  if (waiting.parcels >= options_.parcels)
    co_return Error{ErrorCode::kExhausted, "too much waits for " + agent, {}};
  std::vector<Command> commands;
  if (parcel.kind == ParcelKind::kJob) {
    commands.push_back({"RPUSH", keys.jobs, std::move(parcel.bytes)});
  } else {
    commands.push_back({"RPUSH", keys.control, std::move(parcel.bytes)});
    commands.push_back({"PUBLISH", keys.wake, "control"});
  }
  PROV_CO_CHECK(co_await CallAll(std::move(commands)));
  co_return Status();
}

asio::awaitable<Result<bool>> PanelEnd::Holds(std::string agent, Parcel parcel) {
  const auto keys = KeysOf(agent, options_.keys);
  PROV_CO_TRY(const auto waiting, co_await Look(keys, parcel));
  co_return waiting.held;
}

asio::awaitable<Result<std::size_t>> PanelEnd::Depth(std::string agent) {
  const auto keys = KeysOf(agent, options_.keys);
  PROV_CO_TRY(
      const auto lengths,
      co_await CallAll({{"LLEN", keys.jobs}, {"LLEN", keys.processing}, {"LLEN", keys.control}}));
  std::size_t depth = 0;
  for (const auto& length : lengths) depth += static_cast<std::size_t>(length.integer);
  co_return depth;
}

asio::awaitable<Status> PanelEnd::Publish(
    std::vector<std::pair<std::string, std::string>> messages) {
  std::vector<Command> commands;
  for (auto& [channel, payload] : messages)
    commands.push_back({"PUBLISH", std::move(channel), std::move(payload)});
  PROV_CO_CHECK(co_await CallAll(std::move(commands)));
  co_return Status();
}

// ---- who is there

asio::awaitable<void> PanelEnd::Listen() {
  for (;;) {
    const auto notice = co_await subscriber_->Next();
    if (!notice) {
      if (notice.error().code == ErrorCode::kCanceled) co_return;
      complaints_.Say("listening", notice.error());
    } else if (notice->kind == Notice::Kind::kMessage) {
      Told(*notice);
    } else {
      // From here on nothing is missed; before, something may have been.
      if (notice->kind == Notice::Kind::kSubscribed) complaints_.Forget("listening");
      RoundSoon();
    }
  }
}

void PanelEnd::Told(const Notice& notice) {
  auto agent = AgentOfEvents(notice.channel, options_.keys);
  if (agent.empty()) return;
  if (known_.contains(agent)) {
    sink_.Seen(agent);
  } else if (strangers_.Heard(agent, clock_.Steady())) {
    // The directory says whether it is an agent, enrolled since the last round; or its events do.
    RoundSoon();
  }
  if (notice.payload != kHeartbeatMessage) ToRead(std::move(agent));
}

void PanelEnd::RoundSoon() {
  round_now_ = true;
  round_.Notify();
}

asio::awaitable<void> PanelEnd::GoRound() {
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    round_now_ = false;
    if (const auto looked = co_await LookAtAll(); !looked)
      complaints_.Say("looking at all agents", looked.error());
    asio::steady_timer timer(executor_, options_.between_rounds);
    co_await timer.async_wait(asio::use_awaitable);
    timer.expires_after(options_.round);
    if (!round_now_)
      co_await (round_.Wait() || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
  }
}

asio::awaitable<Status> PanelEnd::LookAtAll() {
  std::erase_if(leases_, [&](const auto& each) { return each.second <= clock_.Steady(); });
  strangers_.Asking();
  PROV_CO_TRY(auto agents, co_await directory_.Heard());
  // Their heartbeats are looked at below.
  std::ignore = strangers_.Answered(agents, clock_.Steady());
  std::map<std::string, std::string, std::less<>> known;
  for (const auto& agent : agents) known[agent] = std::move(known_[agent]);
  known_ = std::move(known);
  std::uint64_t waiting = 0;
  for (std::size_t from = 0; from < agents.size(); from += kAgentsAtOnce) {
    const auto to = std::min(agents.size(), from + kAgentsAtOnce);
    PROV_CO_TRY(const auto found,
                co_await LookAt({agents.begin() + static_cast<std::ptrdiff_t>(from),
                                 agents.begin() + static_cast<std::ptrdiff_t>(to)}));
    waiting += found;
  }
  events_waiting_ = waiting;
  co_return Status();
}

asio::awaitable<Result<std::uint64_t>> PanelEnd::LookAt(std::vector<std::string> agents) {
  std::vector<Command> commands;
  for (const auto& agent : agents) {
    const auto keys = KeysOf(agent, options_.keys);
    commands.push_back({"GETRANGE", keys.heartbeat, "0", "63"});
    commands.push_back({"XLEN", keys.events});
  }
  // One key that is not what it should be is its agent's fault alone.
  auto replies = co_await client_->CallAll(std::move(commands), options_.answer);
  if (!replies) co_return QueueError(std::move(replies).error(), server());
  std::uint64_t waiting = 0;
  for (std::size_t i = 0; i < agents.size(); ++i) {
    auto& heartbeat = (*replies)[2 * i];
    const auto& events = (*replies)[2 * i + 1];
    const auto found = known_.find(agents[i]);
    // It is alive where this is another one than at the last look.
    if (found != known_.end() && !heartbeat.is_error() && !heartbeat.text.empty() &&
        heartbeat.text != found->second) {
      found->second = std::move(heartbeat.text);
      sink_.Seen(agents[i]);
    }
    if (events.is_error()) {
      // No stream, which whoever reads it removes; or its node of a Cluster is away.
      const auto error = prov::redis::FromErrorReply(events.text);
      if (error.code != ErrorCode::kUnavailable) ToRead(agents[i]);
    } else if (events.integer > 0) {
      waiting += static_cast<std::uint64_t>(events.integer);
      ToRead(agents[i]);
    }
  }
  co_return waiting;
}

// ---- their events

// One agent is always the same reader's, so that no two read one stream.
void PanelEnd::ToRead(std::string agent) {
  auto& reader = *readers_[std::hash<std::string>()(agent) % readers_.size()];
  if (reader.waiting.size() >= options_.waiting / readers_.size()) return;
  if (!reader.waiting.insert(agent).second) return;
  reader.agents.push_back(std::move(agent));
  reader.wake.Notify();
}

asio::awaitable<void> PanelEnd::ReadLoop(Reader& reader) {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    while (reader.agents.empty()) co_await reader.wake.Wait();
    const auto agent = std::move(reader.agents.front());
    reader.agents.pop_front();
    reader.waiting.erase(agent);
    const auto read = co_await ReadStream(reader, agent);
    if (read) {
      backoff.Reset();
      complaints_.Forget("reading events");
      continue;
    }
    complaints_.Say("reading events", read.error());
    // While a node of a Cluster is away, the agents of the others go on; its own are found again by
    // the round that follows its return.
    if (options_.connection.url.cluster && !connection_) continue;
    ToRead(agent);
    co_await net::Pause(backoff);
  }
}

// An error means that it is to be read again. What was delivered is forgotten, applied or not: what
// was not, the agent sends again, for it is not acknowledged.
asio::awaitable<Status> PanelEnd::ReadStream(Reader& reader, std::string agent) {
  PROV_CO_TRY(const bool ours, co_await TakeLease(agent));
  if (!ours) co_return Status();
  PROV_CO_TRY(auto read, co_await ReadEntries(reader, agent));
  if (read.entries.empty()) co_return Status();
  const bool more = read.entries.size() == kEntriesAtOnce;
  std::string ack;
  if (!read.events.empty()) {
    auto delivered = co_await sink_.Deliver(agent, std::move(read.events));
    if (!delivered && IsToBeDeliveredAgain(delivered.error())) co_return delivered.error();
    if (delivered) ack = std::move(*delivered);
  }
  const auto keys = KeysOf(agent, options_.keys);
  std::vector<Command> commands{{"XDEL", keys.events}};
  std::ranges::move(read.entries, std::back_inserter(commands.front()));
  if (!ack.empty()) {
    commands.push_back({"SET", keys.ack, std::move(ack), "PX", std::to_string(kAckLife.count())});
    commands.push_back({"PUBLISH", keys.wake, "ack"});
    // What could be verified was an agent's, which may be registered just now.
    if (known_.try_emplace(agent).second) sink_.Seen(agent);
  }
  PROV_CO_CHECK(co_await CallAll(std::move(commands)));
  if (more) ToRead(std::move(agent));
  co_return Status();
}

asio::awaitable<Result<PanelEnd::Read>> PanelEnd::ReadEntries(Reader& reader,
                                                              const std::string& agent) {
  const auto key = KeysOf(agent, options_.keys).events;
  auto replies = co_await reader.streams->CallAll(
      {{"XRANGE", key, "-", "+", "COUNT", std::to_string(kEntriesAtOnce)}}, options_.answer);
  const auto entries = replies ? prov::redis::ToResult(std::move(replies->front()))
                               : Result<Value>(std::move(replies).error());
  if (!entries && (entries.error().code == ErrorCode::kTooLarge ||
                   entries.error().code == ErrorCode::kInvalidArgument)) {
    // More than an agent adds, or no stream. Its events it still has.
    logger_.Warning("agent_stream_dropped",
                    {{"server_id", agent}, {"reason", entries.error().ToString()}});
    PROV_CO_CHECK(co_await CallAll({{"DEL", key}}));
    co_return Read{};
  }
  if (!entries) co_return QueueError(entries.error(), server());
  Read read;
  std::size_t junk = 0;
  for (const auto& entry : entries->elements) {
    if (entry.elements.size() != 2) continue;
    read.entries.push_back(entry.elements[0].text);
    const auto& fields = entry.elements[1].elements;
    if (fields.size() == 2 && fields[0].text == kEventField)
      read.events.push_back(fields[1].text);
    else
      ++junk;
  }
  if (junk > 0) {
    logger_.Warning("event_refused", {{"server_id", agent},
                                      {"reason", "entries of its stream that hold no event: " +
                                                     std::to_string(junk)}});
  }
  co_return read;
}

// For speed alone: what two panels apply at once is applied once, by the store.
asio::awaitable<Result<bool>> PanelEnd::TakeLease(const std::string& agent) {
  const auto now = clock_.Steady();
  const auto held = leases_.find(agent);
  if (held != leases_.end() && held->second - now > options_.lease / 2) co_return true;
  const auto key = KeysOf(agent, options_.keys).reader;
  const auto life = std::to_string(options_.lease.count());
  // The agent may write there, whatever and as much as it likes.
  const auto most = std::to_string(name_.size());
  const auto replies = co_await client_->CallAll(
      {{"SET", key, name_, "NX", "PX", life}, {"GETRANGE", key, "0", most}, {"PTTL", key}},
      options_.answer);
  if (!replies) co_return QueueError(replies.error(), server());
  const auto& set = (*replies)[0];
  const auto& name = (*replies)[1];
  const auto& life_left = (*replies)[2];
  if (set.is_error()) co_return QueueError(prov::redis::FromErrorReply(set.text), server());
  // A panel's name goes by itself after a while; what does not is none.
  if (name.is_error() || life_left.integer == -1) {
    PROV_CO_CHECK(co_await CallAll({{"DEL", key}}));
    co_return Error{ErrorCode::kConflict,
                    "what stood for who reads the events of " + agent + " was no name",
                    {}};
  }
  if (name.text != name_) {
    leases_.erase(agent);
    co_return false;
  }
  if (set.is_null()) PROV_CO_CHECK(co_await CallAll({{"PEXPIRE", key, life}}));
  leases_[agent] = now + options_.lease;
  co_return true;
}

asio::awaitable<void> PanelEnd::GiveLeasesBack() {
  std::vector<Command> commands;
  for (const auto& [agent, until] : leases_) {
    if (until > clock_.Steady()) commands.push_back({"DEL", KeysOf(agent, options_.keys).reader});
  }
  // Where it cannot be told, they end by themselves.
  if (!commands.empty() && connection_) (void)co_await CallAll(std::move(commands));
}

}  // namespace prov::transport::redis
