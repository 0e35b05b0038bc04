#include "panel/dispatch/dispatcher.hpp"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "panel/dispatch/job_end.hpp"
#include "panel/dispatch/renewal.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kAtOnce = 200;
constexpr std::size_t kAtFirst = 16;  // before it is known how many the queue takes
// Servers that are handed jobs at the same time, so that one commit is for many of them.
constexpr std::size_t kRelays = 32;

std::string Sentence(std::exception_ptr failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  }
}

asio::awaitable<void> Sleep(asio::any_io_executor executor, Millis time) {
  asio::steady_timer timer(executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

// The jobs that are to be sent, each with its order where that is not the one that was read.
using ToSend = std::map<Uuid, std::optional<std::string>>;

// `queued` becomes `dispatched` before it is handed over, with an order that the server takes as it
// is now; what is dispatched already is sent again, and its bytes never change any more.
Status MarkDispatched(store::Transaction& t, const KeyRing& keys, const store::Agent& agent,
                      const store::Delivery& delivery, WallTime now, ToSend& send) {
  const auto& id = delivery.job_id;
  PROV_TRY(const auto record, t.jobs().Get(kPanel, id));
  if (record.status == job::Status::kDispatched) {
    // By another panel, it may be, which signed it anew since it was read here.
    PROV_TRY(auto stored, t.jobs().GetDelivery(id));
    send[id] = std::move(stored->envelope);
    return {};
  }
  if (record.status != job::Status::kQueued) return t.jobs().SetUndelivered(id, false);
  PROV_TRY(auto renewed, RenewedOrder(keys, agent, delivery.envelope));
  if (renewed) PROV_CHECK(t.jobs().ReplaceEnvelope(id, *renewed));
  auto next = record;
  next.status = job::Status::kDispatched;
  next.dispatched_at = now;
  PROV_CHECK(t.jobs().Apply({record.attempt, record.status}, job::Party::kPanel, next, now));
  PROV_CHECK(t.audit().Append({now, "panel", "job.dispatched", id.ToString(), {}}));
  send[id] = std::move(renewed);
  return {};
}

// `deliveries` are one server's.
Result<ToSend> MarkDispatched(store::Transaction& t, const KeyRing& keys,
                              const std::vector<store::Delivery>& deliveries, WallTime now) {
  ToSend send;
  if (deliveries.empty()) return send;
  PROV_TRY(const auto agent, t.agents().Get(kPanel, deliveries.front().server_id));
  for (const auto& delivery : deliveries)
    PROV_CHECK(MarkDispatched(t, keys, agent, delivery, now, send));
  return send;
}

// Otherwise it is the store's or the queue's, and is tried again.
bool IsOneParcelsFault(const Error& error) {
  return error.code != ErrorCode::kUnavailable && error.code != ErrorCode::kExhausted;
}

transport::Parcel ParcelOf(const Uuid& job, std::string envelope) {
  return {transport::ParcelKind::kJob, job.ToString(), std::move(envelope)};
}

// Of these servers; both are sorted by name.
std::vector<std::string> Among(const std::vector<std::string>& servers,
                               const std::vector<std::string>& alive) {
  std::vector<std::string> among;
  std::ranges::set_intersection(servers, alive, std::back_inserter(among));
  return among;
}

Result<std::vector<store::Delivery>> Unacknowledged(store::Transaction& t,
                                                    const std::vector<std::string>& alive,
                                                    WallTime before) {
  std::vector<store::Delivery> all;
  PROV_TRY(const auto servers, t.jobs().ServersWithUnacknowledged(before));
  for (const auto& server : Among(servers, alive)) {
    PROV_TRY(auto some, t.jobs().Unacknowledged(server, before, kAtOnce));
    std::ranges::move(some, std::back_inserter(all));
  }
  return all;
}

// Jobs that servers which are there were handed, and have not said a word about, since they were
// made before `made_before`.
Status EndUnanswered(store::Transaction& t, const std::vector<std::string>& alive, WallTime now,
                     WallTime made_before, std::vector<job::Record>& ended) {
  store::JobFilter unanswered;
  unanswered.statuses = {job::Status::kDispatched};
  unanswered.until = made_before + Millis{1};
  std::optional<Uuid> before;
  for (bool more = true; more && ended.size() < kAtOnce;) {
    PROV_TRY(const auto records, t.jobs().List(kPanel, unanswered, before, kAtOnce));
    for (const auto& record : records) {
      before = record.id;
      if (!std::ranges::binary_search(alive, record.server_id)) continue;
      PROV_CHECK(EndJob(t, record, job::Status::kLost,
                        "the server was sent the job until it expired, and never answered", now,
                        ended));
    }
    more = records.size() == kAtOnce;
  }
  return {};
}

// Jobs of servers that were silent since `silent_since`, and those that nobody came for since
// `queued_since`; so many at once. Who is alive was not silent, though it may not be written down
// yet: the store was away, or this machine slept.
Result<std::vector<job::Record>> EndSilent(store::Transaction& t,
                                           const std::vector<std::string>& alive, WallTime now,
                                           WallTime silent_since, WallTime queued_since) {
  std::vector<job::Record> ended;
  store::JobFilter waiting;
  waiting.statuses = {job::Status::kQueued};
  waiting.until = queued_since + Millis{1};
  PROV_TRY(const auto expired, t.jobs().List(kPanel, waiting, std::nullopt, kAtOnce));
  for (const auto& record : expired) {
    PROV_CHECK(EndJob(t, record, job::Status::kExpired, "the server did not come for it in time",
                      now, ended));
  }
  PROV_TRY(const auto agents, t.agents().List(kPanel));
  for (const auto& agent : agents) {
    if (!agent.last_seen_at || *agent.last_seen_at > silent_since) continue;
    if (std::ranges::binary_search(alive, agent.id)) continue;
    if (ended.size() >= kAtOnce) break;
    PROV_TRY(const auto unsettled, t.jobs().Unsettled(agent.id, kAtOnce));
    for (const auto& record : unsettled) {
      PROV_CHECK(EndJob(t, record, job::Status::kLost,
                        "the server has not been heard of for 24 hours", now, ended));
    }
  }
  return ended;
}

}  // namespace

Dispatcher::Dispatcher(asio::any_io_executor executor, StoreGate& store, Registry& registry,
                       LiveHub& hub, const KeyRing& keys, const Clock& clock, Random& random,
                       Logger& logger, DispatchLimits limits)
    : executor_(executor),
      store_(store),
      hub_(hub),
      keys_(keys),
      clock_(clock),
      random_(random),
      logger_(logger),
      limits_(limits),
      jobs_(store, registry, hub, keys, clock, random, logger,
            [this](const std::string& agent) { Wake(agent); }),
      events_(store, registry, hub, keys, clock, random, logger,
              [this](const std::string& agent) { Wake(agent); }),
      wake_(executor),
      tasks_(executor, [this](std::exception_ptr failure) {
        logger_.Error("dispatch_failed", {{"reason", Sentence(failure)}});
      }) {}

void Dispatcher::Start() {
  started_ = clock_.Steady();
  for (std::size_t i = 0; i < kRelays; ++i) tasks_.Spawn(RelayLoop());
  tasks_.Spawn(ReconcileLoop());
  tasks_.Spawn(SeenLoop());
}

asio::awaitable<void> Dispatcher::Stop() {
  tasks_.Close();
  tasks_.CancelAll();
  co_await tasks_.Wait();
  co_await WriteSeen();
}

void Dispatcher::Complain(std::string_view doing, const Error& error) {
  logger_.Error("dispatch_failed", {{"doing", doing}, {"reason", error.ToString()}});
}

bool Dispatcher::Alive(const std::string& agent) const {
  const auto found = seen_.find(agent);
  return found != seen_.end() && clock_.Steady() - found->second.at < kUnreachableAfter;
}

std::vector<std::string> Dispatcher::AliveAgents() const {
  std::vector<std::string> alive;
  for (const auto& [agent, at] : seen_) {
    if (Alive(agent)) alive.push_back(agent);
  }
  return alive;
}

std::optional<WallTime> Dispatcher::LastSeen(const store::Agent& agent) const {
  const auto found = seen_.find(agent.id);
  if (found == seen_.end()) return agent.last_seen_at;
  const auto at = found->second.time;
  return agent.last_seen_at ? std::max(*agent.last_seen_at, at) : at;
}

ServerStatus Dispatcher::StatusOf(const store::Agent& agent) const {
  const auto last = LastSeen(agent);
  if (!last) return ServerStatus::kNeverSeen;
  // Another panel may hear it; in a time to come nobody has.
  const auto ago = clock_.Now() - *last;
  const bool heard = ago < kUnreachableAfter && ago > -kUnreachableAfter;
  if (!heard && !Alive(agent.id)) return ServerStatus::kUnreachable;
  return agent.drained ? ServerStatus::kDrained : ServerStatus::kOnline;
}

void Dispatcher::Wake(const std::string& agent) {
  if (!woken_.insert(agent).second || relayed_.contains(agent)) return;
  turns_.push_back(agent);
  wake_.Notify();
}

void Dispatcher::Seen(const std::string& agent) {
  const bool back = !Alive(agent);
  seen_[agent] = {clock_.Steady(), clock_.Now()};
  seen_unwritten_.insert(agent);
  if (behind_.erase(agent) > 0) Wake(agent);  // it may have taken some
  if (!back) return;
  // Whatever waited for it goes now.
  Wake(agent);
  hub_.ServersChanged();
}

asio::awaitable<Result<std::string>> Dispatcher::Deliver(std::string agent,
                                                         std::vector<std::string> events) {
  co_return co_await events_.Deliver(std::move(agent), std::move(events));
}

asio::awaitable<void> Dispatcher::RelayLoop() {
  for (;;) {
    while (turns_.empty()) co_await wake_.Wait();
    const auto agent = std::move(turns_.front());
    turns_.pop_front();
    woken_.erase(agent);
    // To a server that is away nothing is handed over: until then the panel can still end the job.
    if (!Alive(agent)) continue;
    relayed_.insert(agent);
    // A drain comes before the jobs that it holds back.
    if (!co_await SendCommands(agent) || !co_await RelayTo(agent)) behind_.insert(agent);
    relayed_.erase(agent);
    if (woken_.contains(agent)) turns_.push_back(agent);
  }
}

asio::awaitable<bool> Dispatcher::RelayTo(std::string agent) {
  std::size_t most = kAtFirst;
  for (bool more = true; more; most = kAtOnce) {
    // First, since a queue that another program holds is not to be asked for nothing.
    auto deliveries = co_await store_.Read(
        [agent, most](store::Transaction& t) { return t.jobs().Undelivered(agent, most); });
    if (!deliveries) {
      Complain("looking for undelivered jobs", deliveries.error());
      co_return false;
    }
    if (deliveries->empty()) co_return true;
    const auto waiting = co_await queue_->Depth(agent);
    if (!waiting) {
      Complain("looking at a server's queue", waiting.error());
      co_return false;
    }
    const auto room = limits_.ahead - std::min(limits_.ahead, *waiting);
    if (room == 0) co_return false;
    more = deliveries->size() == most || deliveries->size() > room;
    if (deliveries->size() > room) deliveries->resize(room);
    const auto together = co_await HandOver(*deliveries);
    if (together) continue;
    if (!IsOneParcelsFault(together.error())) {
      Complain("handing over jobs", together.error());
      co_return false;
    }
    more = false;
    for (auto& delivery : *deliveries) {
      const auto handed = co_await HandOver({std::move(delivery)});
      if (handed) continue;
      Complain("handing over a job", handed.error());
      if (!IsOneParcelsFault(handed.error())) co_return false;
    }
  }
  co_return true;
}

asio::awaitable<void> Dispatcher::WakeAllWithUndelivered() {
  auto servers =
      co_await store_.Read([](store::Transaction& t) { return t.jobs().ServersWithUndelivered(); });
  if (!servers) co_return Complain("looking for undelivered jobs", servers.error());
  for (const auto& server : *servers) Wake(server);
}

asio::awaitable<Status> Dispatcher::HandOver(std::vector<store::Delivery> read) {
  const auto now = clock_.Now();
  const auto deliveries = std::make_shared<std::vector<store::Delivery>>(std::move(read));
  PROV_CO_TRY(auto send, co_await store_.Write([this, deliveries, now](store::Transaction& t) {
    return MarkDispatched(t, keys_, *deliveries, now);
  }));
  for (const auto& [id, envelope] : send) hub_.JobChanged(id);
  std::vector<Uuid> pushed;
  Status failed;
  for (auto& delivery : *deliveries) {
    const auto id = delivery.job_id;
    const auto wanted = send.find(id);
    if (wanted == send.end()) continue;
    auto envelope = std::move(wanted->second).value_or(std::move(delivery.envelope));
    failed = co_await queue_->Push(delivery.server_id, ParcelOf(id, std::move(envelope)));
    if (!failed) break;
    pushed.push_back(id);
  }
  if (!pushed.empty()) {
    PROV_CO_CHECK(co_await store_.Write([pushed](store::Transaction& t) -> Status {
      for (const auto& id : pushed) {
        const auto marked = t.jobs().SetUndelivered(id, false);
        // Meanwhile it may have ended, which clears the mark too.
        if (!marked && marked.error().code != ErrorCode::kNotFound) return marked;
      }
      return {};
    }));
  }
  co_return failed;
}

asio::awaitable<bool> Dispatcher::SendCommands(std::string agent) {
  auto commands = co_await store_.Read(
      [agent](store::Transaction& t) { return t.commands().Pending(agent, kAtOnce); });
  if (!commands) {
    Complain("looking for commands", commands.error());
    co_return false;
  }
  for (auto& command : *commands) {
    const auto pushed = co_await queue_->Push(
        agent,
        {transport::ParcelKind::kCommand, CommandNonce(command.id), std::move(command.bytes)});
    if (pushed) continue;
    Complain("handing over a command", pushed.error());
    if (!IsOneParcelsFault(pushed.error())) co_return false;
  }
  co_return true;
}

asio::awaitable<void> Dispatcher::ReconcileLoop() {
  for (;;) {
    co_await WakeAllWithUndelivered();
    co_await SendAgain();
    co_await SettleSilent();
    co_await Sleep(executor_, limits_.reconcile);
  }
}

// What was handed over and not accepted since, and commands whose effect was not reported; into a
// queue that still holds it, never.
asio::awaitable<void> Dispatcher::SendAgain() {
  const auto before = clock_.Now() - limits_.reconcile;
  const auto alive = AliveAgents();
  auto deliveries = co_await store_.Read(
      [before, alive](store::Transaction& t) { return Unacknowledged(t, alive, before); });
  if (!deliveries) co_return Complain("looking for unacknowledged jobs", deliveries.error());
  for (auto& delivery : *deliveries) {
    auto parcel = ParcelOf(delivery.job_id, std::move(delivery.envelope));
    const auto held = co_await queue_->Holds(delivery.server_id, parcel);
    if (!held || *held) continue;
    logger_.Info("job_sent_again", {{"server_id", delivery.server_id}}, {parcel.id, ""});
    (void)co_await queue_->Push(delivery.server_id, std::move(parcel));
  }
  auto pending =
      co_await store_.Read([](store::Transaction& t) { return t.commands().AgentsWithPending(); });
  if (!pending) co_return Complain("looking for commands", pending.error());
  for (const auto& agent : Among(*pending, alive)) co_await SendCommands(agent);
  const auto now = clock_.Now();
  (void)co_await store_.Write(
      [now](store::Transaction& t) { return t.commands().RemoveExpired(now); });
}

// Who has been silent for a day, or about a job for longer than it was valid: nobody knows what
// became of it. What never left is expired.
asio::awaitable<void> Dispatcher::SettleSilent() {
  if (clock_.Steady() - started_ < limits_.grace) co_return;
  const auto now = clock_.Now();
  auto settled =
      co_await store_.Write([now, limits = limits_, alive = AliveAgents()](
                                store::Transaction& t) -> Result<std::vector<job::Record>> {
        PROV_TRY(auto ended, EndSilent(t, alive, now, now - limits.silence, now - limits.queued));
        PROV_CHECK(EndUnanswered(t, alive, now, now - limits.unanswered, ended));
        return ended;
      });
  if (!settled) co_return Complain("settling jobs of silent servers", settled.error());
  for (const auto& record : *settled) {
    hub_.JobChanged(record.id);
    if (on_finished_) on_finished_(record);
  }
}

asio::awaitable<void> Dispatcher::SeenLoop() {
  for (;;) {
    co_await Sleep(executor_, limits_.write_seen);
    co_await WriteSeen();
    // Nobody says that he is away.
    auto alive = AliveAgents();
    const bool gone = !std::ranges::includes(alive, alive_);
    alive_ = std::move(alive);
    if (gone) hub_.ServersChanged();
  }
}

asio::awaitable<void> Dispatcher::WriteSeen() {
  if (seen_unwritten_.empty()) co_return;
  std::vector<std::pair<std::string, WallTime>> seen;
  for (const auto& agent : std::exchange(seen_unwritten_, {}))
    seen.emplace_back(agent, seen_.at(agent).time);
  const auto written = co_await store_.Write([seen](store::Transaction& t) -> Status {
    for (const auto& [agent, at] : seen) PROV_CHECK(t.agents().Seen(agent, at));
    return {};
  });
  if (!written) Complain("writing heartbeats", written.error());
}

}  // namespace prov::panel
