#include "panel/metrics/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/json.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
namespace pm = prometheus;

const pm::Histogram::BucketBoundaries kJobSeconds{1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600};
const pm::Histogram::BucketBoundaries kRequestSeconds{0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10};

struct Counts {
  std::vector<store::StatusCount> jobs;
  std::vector<store::ServerCount> queue;
  std::vector<store::Agent> agents;
  std::optional<WallTime> oldest_undelivered;
};

// The catalogue's name, never any other: agents invent them, and each would be a series for ever.
std::string AppLabel(const Catalogue& catalogue, const std::string& app_id) {
  return catalogue.Find(app_id) != nullptr ? app_id : "other";
}

using JobCounts = std::map<std::pair<std::string, job::Status>, std::uint64_t>;

JobCounts ByAppLabel(const Catalogue& catalogue, const std::vector<store::StatusCount>& rows) {
  JobCounts counts;
  for (const auto& row : rows) counts[{AppLabel(catalogue, row.app_id), row.status}] += row.jobs;
  return counts;
}

Result<Counts> Read(store::Transaction& t) {
  Counts counts;
  PROV_TRY(counts.jobs, t.jobs().CountByAppAndStatus());
  PROV_TRY(counts.queue, t.jobs().QueueDepth());
  PROV_TRY(counts.agents, t.agents().List(kPanel));
  PROV_TRY(counts.oldest_undelivered, t.jobs().OldestUndelivered());
  return counts;
}

}  // namespace

struct Metrics::State {
  State(StoreGate& gate, const Registry& catalogue, const Clock& time)
      : store(gate),
        registry(catalogue),
        clock(time),
        requests(pm::BuildCounter()
                     .Name("provisioning_http_requests_total")
                     .Help("Requests answered, by route and status")
                     .Register(passing)),
        request_seconds(pm::BuildHistogram()
                            .Name("provisioning_http_request_seconds")
                            .Help("Time to answer, by route")
                            .Register(passing)),
        job_seconds(pm::BuildHistogram()
                        .Name("provisioning_job_duration_seconds")
                        .Help("From a job's first start to its end, by application")
                        .Register(passing)),
        failures(pm::BuildCounter()
                     .Name("provisioning_job_failures_total")
                     .Help("Jobs that did not succeed, by application and kind")
                     .Register(passing)) {}

  // Found once: to name a series costs more than to count in it.
  struct Series {
    pm::Counter& requests;
    pm::Histogram& seconds;
  };
  Series& SeriesOf(const net::AccessEntry& entry) {
    auto& of_route = series[entry.status];
    if (const auto found = of_route.find(entry.route); found != of_route.end())
      return found->second;
    // The pattern, never the path: whoever asks must not be able to make new series.
    const std::string route(entry.route.empty() ? "none" : entry.route);
    const Series made{requests.Add({{"route", route}, {"status", std::to_string(entry.status)}}),
                      request_seconds.Add({{"route", route}}, kRequestSeconds)};
    return of_route.emplace(entry.route, made).first->second;
  }

  StoreGate& store;
  const Registry& registry;
  const Clock& clock;
  const Dispatcher* dispatcher = nullptr;
  std::function<std::size_t()> open_streams;
  const transport::QueueServer* queue = nullptr;
  pm::Registry passing;
  pm::Family<pm::Counter>& requests;
  pm::Family<pm::Histogram>& request_seconds;
  pm::Family<pm::Histogram>& job_seconds;
  pm::Family<pm::Counter>& failures;
  std::map<int, std::map<std::string, Series, std::less<>>> series;  // by status, then by route
};

Metrics::Metrics(StoreGate& store, const Registry& registry, const Clock& clock)
    : state_(new State(store, registry, clock)) {}

Metrics::~Metrics() = default;

void Metrics::SetSources(const Dispatcher* dispatcher, std::function<std::size_t()> open_streams,
                         const transport::QueueServer* queue) {
  state_->dispatcher = dispatcher;
  state_->queue = queue;
  state_->open_streams = std::move(open_streams);
}

void Metrics::RequestAnswered(const net::AccessEntry& entry) {
  auto& series = state_->SeriesOf(entry);
  series.requests.Increment();
  series.seconds.Observe(std::chrono::duration<double>(entry.duration).count());
}

void Metrics::JobFinished(const job::Record& record) {
  const auto app = AppLabel(*state_->registry.Current(), record.app_id);
  // How long a job ran that is lost, nobody knows.
  if (job::IsTerminal(record.status) && record.started_at && record.finished_at) {
    state_->job_seconds.Add({{"app", app}}, kJobSeconds)
        .Observe(std::chrono::duration<double>(*record.finished_at - *record.started_at).count());
  }
  if (record.status == job::Status::kSucceeded) return;
  const auto kind =
      record.failure_kind ? json::EnumName(*record.failure_kind) : json::EnumName(record.status);
  state_->failures.Add({{"app", app}, {"kind", kind}}).Increment();
}

asio::awaitable<Result<std::string>> Metrics::Text() {
  auto& state = *state_;
  const auto counts = co_await state.store.Read([](store::Transaction& t) { return Read(t); });
  if (!counts) co_return counts.error();
  pm::Registry now;
  const auto gauge = [&now](const char* name, const char* help) -> pm::Family<pm::Gauge>& {
    return pm::BuildGauge().Name(name).Help(help).Register(now);
  };
  auto& jobs = gauge("provisioning_jobs", "Jobs, by application and status");
  const auto catalogue = state.registry.Current();
  for (const auto& [series, count] : ByAppLabel(*catalogue, counts->jobs)) {
    jobs.Add({{"app", series.first}, {"status", json::EnumName(series.second)}})
        .Set(static_cast<double>(count));
  }
  auto& queue = gauge("provisioning_queue_depth", "Jobs that wait for a server");
  for (const auto& count : counts->queue)
    queue.Add({{"server", count.server_id}}).Set(static_cast<double>(count.jobs));
  const auto oldest = counts->oldest_undelivered;
  gauge("provisioning_oldest_undelivered_seconds", "Age of the oldest job not handed over")
      .Add({})
      .Set(oldest ? std::chrono::duration<double>(state.clock.Now() - *oldest).count() : 0);
  auto& agents = gauge("provisioning_agents", "Servers, by status");
  for (const auto status : {ServerStatus::kOnline, ServerStatus::kUnreachable,
                            ServerStatus::kNeverSeen, ServerStatus::kDrained}) {
    const auto n = std::ranges::count_if(counts->agents, [&](const store::Agent& agent) {
      return state.dispatcher != nullptr && state.dispatcher->StatusOf(agent) == status;
    });
    agents.Add({{"status", json::EnumName(status)}}).Set(static_cast<double>(n));
  }
  gauge("provisioning_streams", "Live streams that are open")
      .Add({})
      .Set(state.open_streams ? static_cast<double>(state.open_streams()) : 0);
  gauge("provisioning_queue_up", "Whether the queue is there: 0 while Redis or RabbitMQ is away")
      .Add({})
      .Set(state.queue == nullptr || state.queue->connection() ? 1 : 0);
  gauge("provisioning_events_waiting", "Events of agents that no panel has committed yet")
      .Add({})
      .Set(state.queue == nullptr ? 0 : static_cast<double>(state.queue->events_waiting()));
  const auto load = state.store.load();
  auto& waiting = gauge("provisioning_store_waiting", "Transactions that wait for a connection");
  waiting.Add({{"access", "read"}}).Set(static_cast<double>(load.waiting_reads));
  waiting.Add({{"access", "write"}}).Set(static_cast<double>(load.waiting_writes));
  auto& connections = gauge("provisioning_store_connections", "Connections to the database");
  connections.Add({{"state", "busy"}}).Set(static_cast<double>(load.busy_connections));
  connections.Add({{"state", "idle"}})
      .Set(static_cast<double>(load.connections) - static_cast<double>(load.busy_connections));
  const auto valid = std::ranges::count_if(
      catalogue->installers, [](const auto& each) { return each.second.manifest.has_value(); });
  auto& installers = gauge("provisioning_installers", "Installers in the catalogue");
  installers.Add({{"valid", "true"}}).Set(static_cast<double>(valid));
  installers.Add({{"valid", "false"}})
      .Set(static_cast<double>(catalogue->installers.size()) - static_cast<double>(valid));
  pm::BuildCounter()
      .Name("provisioning_registry_reload_failures_total")
      .Help("Reloads of the catalogue that failed")
      .Register(now)
      .Add({})
      .Increment(static_cast<double>(state.registry.failed_reloads()));
  gauge("provisioning_build_info", "The version that runs").Add({{"version", PROV_VERSION}}).Set(1);
  auto families = state.passing.Collect();
  for (auto& family : now.Collect()) families.push_back(std::move(family));
  co_return pm::TextSerializer().Serialize(families);
}

}  // namespace prov::panel
