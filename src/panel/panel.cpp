#include "panel/panel.hpp"

#include <csignal>
#include <cstdio>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/json.hpp"
#include "base/service_manager.hpp"
#include "net/http_server.hpp"
#include "net/problem.hpp"
#include "panel/api/route_table.hpp"
#include "panel/auth/authenticator.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "panel/dispatch/routed_queue.hpp"
#include "panel/enrolment/enrolment_desk.hpp"
#include "panel/forwarded.hpp"
#include "panel/live/job_updates.hpp"
#include "panel/metrics/metrics.hpp"
#include "panel/open_database.hpp"
#include "panel/retention.hpp"
#include "panel/web/pages.hpp"
#include "transport/http/messages.hpp"
#include "transport/rabbitmq/panel_end.hpp"
#include "transport/redis/panel_end.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr int kCannotStart = 2;
// EX_CONFIG of sysexits.h: the service manager does not start it again
// (provisioning-panel.service).
constexpr int kForAPerson = 78;
constexpr Millis kLookAtInstallers{2'000};

int Refuse(const Error& error) {
  std::fprintf(stderr, "provisioning-panel: %s\n", error.ToString().c_str());
  return kCannotStart;
}

// What only a person can mend is not tried again and again.
int RefuseStore(const Error& error) {
  const bool for_a_person = error.code == ErrorCode::kPermissionDenied ||
                            error.code == ErrorCode::kUnsupported ||
                            error.code == ErrorCode::kInvalidArgument;
  const int status = Refuse(error);
  return for_a_person ? kForAPerson : status;
}

// Not an end of the panel, which its service manager would start again every second.
void SayThatTheStoreIsAway(const Error& error, Logger& logger) {
  std::fprintf(
      stderr,
      "provisioning-panel: %s; it is waited for, and requests are answered 503 until it is "
      "there\n",
      error.ToString().c_str());
  logger.Error("store_awaited", {{"reason", error.ToString()}});
}

// A connection is a descriptor, and the usual 1,024 are meant for programs that cannot poll more.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct Logs {
  std::unique_ptr<FileLogger> panel;
  std::unique_ptr<FileLogger> access;
};

Result<Logs> OpenLogs(const PanelConfiguration& configuration, const Clock& clock) {
  Logs logs;
  const auto& directory = configuration.log_dir;
  if (!directory.empty()) PROV_CHECK(MakeDirectories(directory, 0750));
  const auto file = [&](const char* name) { return directory.empty() ? Path() : directory / name; };
  PROV_TRY(logs.panel, FileLogger::Open(file("panel.log"), configuration.log_level, clock));
  PROV_TRY(logs.access, FileLogger::Open(file("access.log"), configuration.log_level, clock));
  return logs;
}

// Whether browsers reach the panel by https: its own, or its proxy's.
bool Secure(const PanelConfiguration& configuration) {
  return configuration.tls || !configuration.trusted_proxy.empty();
}

std::string ReasonOf(std::exception_ptr failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception";
  }
}

class Panel {
 public:
  Panel(const PanelConfiguration& configuration,
        std::function<Result<PanelConfiguration>()> read_again, std::span<const WebFile> files,
        Logs& logs, store::Database& database, KeyRing keys, const Clock& clock, Random& random)
      : configuration_(configuration),
        read_again_(std::move(read_again)),
        pages_(files),
        logs_(logs),
        clock_(clock),
        keys_(std::move(keys)),
        database_(database),
        gate_(database),
        feeds_(io_.get_executor(), gate_, hub_, streams_.limits(),
               [this](std::exception_ptr failure) {
                 logs_.panel->Error("live_failed", {{"reason", ReasonOf(failure)}});
               }),
        registry_(configuration.installers_dir, clock, *logs.panel),
        dispatcher_(io_.get_executor(), gate_, registry_, hub_, keys_, clock, random, *logs.panel),
        desk_(gate_, hub_, keys_, clock, *logs.panel, configuration.secret_key),
        queue_(dispatcher_),
        by_http_(queue_.Add()),
        end_(io_.get_executor(), clock, by_http_, desk_, desk_, *logs.panel),
        retention_(io_.get_executor(), gate_, {configuration.keep_jobs, configuration.keep_logs},
                   clock, *logs.panel),
        passwords_(random),
        sign_in_(gate_, passwords_, clock, random, *logs.panel),
        authenticator_(gate_, clock, keys_, Secure(configuration)),
        random_(random),
        metrics_(gate_, registry_, clock),
        tasks_(io_.get_executor(), [this](std::exception_ptr failure) { GiveUp(failure); }) {}

  int Run() {
    if (const auto loaded = registry_.Reload(); !loaded) return Refuse(loaded.error());
    by_http_.Use(end_);
    if (const auto made = UseRedis(); !made) return Refuse(made.error());
    if (const auto made = UseRabbitmq(); !made) return Refuse(made.error());
    AddRoutes();
    auto server = net::HttpServer::Listen(io_.get_executor(), clock_, Options());
    if (!server) return Refuse(InUse(server.error()));
    server_ = std::move(*server);
    dispatcher_.SetQueue(queue_);
    const auto finished = [this](const job::Record& record) { metrics_.JobFinished(record); };
    dispatcher_.OnFinished(finished);
    desk_.OnFinished(finished);
    dispatcher_.Start();
    retention_.Start();
    listening_ = database_.Listen([this](const store::Announcement& announcement) {
      asio::post(io_, [this, announcement] { HearOf(announcement); });
    });
    if (redis_) {
      redis_->Start();
      updates_->Start();
    }
    if (rabbitmq_) rabbitmq_->Start();
    tasks_.Spawn(WatchInstallers());
    tasks_.Spawn(HandleSignals());
    if (const auto interval = WatchdogInterval(); interval.count() > 0)
      tasks_.Spawn(TellWatchdog(interval));
    const auto address = configuration_.address.find(':') == std::string::npos
                             ? configuration_.address
                             : "[" + configuration_.address + "]";
    logs_.panel->Info("panel_started", {{"version", PROV_VERSION},
                                        {"address", address},
                                        {"port", server_->port()},
                                        {"tls", configuration_.tls.has_value()}});
    std::fprintf(stderr, "provisioning-panel: listening on %s://%s:%u\n",
                 configuration_.tls ? "https" : "http", address.c_str(), server_->port());
    NotifyServiceManager("READY=1");
    io_.run();
    logs_.panel->Info("panel_stopped");
    return failed_ ? 1 : 0;
  }

 private:
  // Without its tasks a panel would neither reload nor end when told: better to be started anew.
  void GiveUp(std::exception_ptr failure) {
    logs_.panel->Error("panel_failed", {{"reason", ReasonOf(failure)}});
    failed_ = true;
    io_.stop();
  }

  // Beside the agents that poll, those that are there.
  Status UseRedis() {
    if (!configuration_.redis.used()) return {};
    transport::redis::PanelEndOptions options;
    options.keys = configuration_.redis.keys();
    PROV_TRY(options.connection, transport::redis::ConnectionOf(configuration_.redis));
    auto& route = queue_.Add();
    PROV_TRY(redis_,
             transport::redis::PanelEnd::Create(io_.get_executor(), std::move(options), route,
                                                desk_, clock_, random_, *logs_.panel));
    route.Use(*redis_);
    updates_.emplace(io_.get_executor(), gate_, hub_, *redis_, *logs_.panel);
    return {};
  }

  Status UseRabbitmq() {
    if (!configuration_.rabbitmq.used()) return {};
    transport::rabbitmq::PanelEndOptions options;
    PROV_TRY(options.connection, transport::rabbitmq::ConnectionOf(configuration_.rabbitmq));
    vhost_ = options.connection.url.vhost;
    auto& route = queue_.Add();
    PROV_TRY(rabbitmq_,
             transport::rabbitmq::PanelEnd::Create(io_.get_executor(), std::move(options), route,
                                                   desk_, clock_, random_, *logs_.panel));
    route.Use(*rabbitmq_);
    return {};
  }

  // Where agents are met by another way than HTTP.
  const transport::QueueServer* QueueServer() const {
    if (redis_) return redis_.get();
    return rabbitmq_.get();
  }

  Error InUse(Error error) const {
    if (error.code == ErrorCode::kConflict) {
      error.message += fmt::format(
          "; something else listens on {}:{}: stop it, or choose another "
          "port with PANEL_LISTEN",
          configuration_.address, configuration_.port);
    }
    return error;
  }

  void AddRoutes() {
    const ApiDependencies api{.store = gate_,
                              .registry = registry_,
                              .dispatcher = dispatcher_,
                              .keys = keys_,
                              .metrics = metrics_,
                              .clock = clock_,
                              .random = random_,
                              .sign_in = sign_in_,
                              .passwords = passwords_,
                              .desk = desk_,
                              .queue_server = QueueServer(),
                              .redis_keys = configuration_.redis.keys(),
                              .rabbitmq_vhost = vhost_,
                              .secure = Secure(configuration_),
                              .started = clock_.Steady()};
    const LiveDependencies live{
        .store = gate_,
        .hub = hub_,
        .streams = streams_,
        .feeds = feeds_,
        .caller = [](const net::Request& request) { return CallerOf(request).actor; },
        .scope = std::string(kScopeRead),
        .on_error =
            [this](const Error& error) {
              logs_.panel->Error("live_failed", {{"reason", error.ToString()}});
            }};
    AddAllRoutes(router_, api, live, end_);
    metrics_.SetSources(&dispatcher_, [this] { return streams_.open(); }, QueueServer());
    before_ = [this](const net::Route& route, net::Request& request) {
      return authenticator_.Before(route, request);
    };
  }

  net::ServerOptions Options() {
    net::ServerOptions options;
    options.address = configuration_.address;
    options.port = configuration_.port;
    options.tls = configuration_.tls;
    options.handler = [this](net::Request request) { return Serve(std::move(request)); };
    options.body_limit = [this](const net::Request& request) {
      const auto match = router_.Find(request.method, request.raw_path);
      return match.route != nullptr && match.route->body_limit ? *match.route->body_limit
                                                               : net::ServerLimits{}.body_bytes;
    };
    options.access_log = [this](const net::AccessEntry& entry) { Answered(entry); };
    options.on_failure = [this](std::string_view what) {
      logs_.panel->Error("handler_failed", {{"reason", what}});
    };
    return options;
  }

  asio::awaitable<net::Response> Serve(net::Request request) {
    if (!TakeForwarded(configuration_.trusted_proxy, request))
      co_return net::MakeProblem(403, "forbidden", "this panel is reached through its proxy");
    const auto client = request.peer;
    auto page = pages_.Answer(request);
    auto response =
        page ? std::move(*page) : co_await router_.Dispatch(std::move(request), before_);
    response.headers.Set("X-Content-Type-Options", "nosniff");
    if (!response.headers.Find("Cache-Control")) response.headers.Set("Cache-Control", "no-store");
    response.client = client;
    co_return response;
  }

  void Answered(const net::AccessEntry& entry) {
    metrics_.RequestAnswered(entry);
    // A thousand agents ask a hundred times a second: nothing else would be left in the log.
    const bool routine = entry.route == transport::http::kPollPath && entry.status == 200;
    const auto level = routine ? LogLevel::kDebug : LogLevel::kInfo;
    unsigned char memory[2048];
    boost::json::monotonic_resource resource(memory);
    boost::json::object metadata({{"method", entry.method},
                                  {"target", entry.target},
                                  {"route", entry.route},
                                  {"status", entry.status},
                                  {"bytes", entry.bytes},
                                  {"duration_ms", entry.duration.count()},
                                  {"peer", entry.peer}},
                                 &resource);
    logs_.access->Write(level, "request", {}, std::move(metadata));
  }

  // What cannot be used now is said, and everything stays as it was.
  void ReloadConfiguration() {
    auto wanted = read_again_();
    if (!wanted) {
      return logs_.panel->Error("configuration_not_loaded", {{"reason", wanted.error().message}});
    }
    for (auto* log : {logs_.panel.get(), logs_.access.get()}) log->SetLevel(wanted->log_level);
    if (wanted->tls && configuration_.tls) {
      if (const auto used = server_->UseCertificate(*wanted->tls); !used) {
        logs_.panel->Error("certificate_not_loaded", {{"reason", used.error().message}});
      }
    }
    const auto names = NeedRestart(configuration_, *wanted);
    if (names.empty()) return logs_.panel->Info("configuration_loaded");
    logs_.panel->Warning("restart_needed",
                         {{"settings", boost::json::array(names.begin(), names.end())}});
  }

  // Reading and hashing a large catalogue takes its time: not on the thread that serves.
  asio::awaitable<Status> LoadRegistry() { co_return registry_.Reload(); }
  asio::awaitable<bool> RegistryChanged() { co_return registry_.Changed(); }

  asio::awaitable<void> ReloadRegistry() {
    const auto loaded = co_await asio::co_spawn(loader_, LoadRegistry(), asio::use_awaitable);
    // It is tried again and again, and said once.
    const auto failure = loaded ? "" : loaded.error().ToString();
    if (!loaded && failure != registry_failure_)
      logs_.panel->Error("registry_not_loaded", {{"reason", failure}});
    registry_failure_ = failure;
  }

  asio::awaitable<void> WatchInstallers() {
    asio::steady_timer timer(io_);
    for (;;) {
      timer.expires_after(kLookAtInstallers);
      co_await timer.async_wait(asio::use_awaitable);
      if (co_await asio::co_spawn(loader_, RegistryChanged(), asio::use_awaitable))
        co_await ReloadRegistry();
    }
  }

  asio::awaitable<void> HandleSignals() {
    asio::signal_set signals(io_, SIGTERM, SIGINT, SIGHUP);
    for (;;) {
      const int signal = co_await signals.async_wait(asio::use_awaitable);
      if (signal != SIGHUP) break;
      (void)logs_.panel->Reopen();
      (void)logs_.access->Reopen();
      ReloadConfiguration();
      co_await ReloadRegistry();
    }
    NotifyServiceManager("STOPPING=1");
    // What waits by design is ended; what works is waited for.
    streams_.Close();
    end_.Close();
    co_await server_->Drain();
    co_await feeds_.Stop();
    co_await retention_.Stop();
    if (updates_) co_await updates_->Stop();
    if (redis_) co_await redis_->Stop();
    if (rabbitmq_) co_await rabbitmq_->Stop();
    co_await dispatcher_.Stop();
    io_.stop();
  }

  // What another panel committed.
  void HearOf(const store::Announcement& announcement) {
    switch (announcement.kind) {
      case store::Announcement::Kind::kJob:
        return hub_.JobChanged(announcement.job, LiveHub::By::kAnotherPanel);
      case store::Announcement::Kind::kDelivery:
        return dispatcher_.Wake(announcement.server);
      case store::Announcement::Kind::kServers:
        return hub_.ServersChanged();
      case store::Announcement::Kind::kAnything:
        return hub_.AnythingChanged();
    }
  }

  // From the event loop, so that one that hangs is ended and started again.
  asio::awaitable<void> TellWatchdog(Millis interval) {
    asio::steady_timer timer(io_);
    for (;;) {
      NotifyServiceManager("WATCHDOG=1");
      timer.expires_after(interval);
      co_await timer.async_wait(asio::use_awaitable);
    }
  }

  const PanelConfiguration& configuration_;
  std::function<Result<PanelConfiguration>()> read_again_;
  Pages pages_;
  Logs& logs_;
  const Clock& clock_;
  asio::io_context io_{1};
  KeyRing keys_;
  store::Database& database_;
  StoreGate gate_;
  LiveHub hub_;
  LiveStreams streams_;
  JobFeeds feeds_;
  Registry registry_;
  asio::thread_pool loader_{1};  // ends before what it loads into
  Dispatcher dispatcher_;
  EnrolmentDesk desk_;
  RoutedQueue queue_;
  RoutedQueue::Route& by_http_;
  transport::http::PanelEnd end_;
  Retention retention_;
  std::unique_ptr<transport::redis::PanelEnd> redis_;
  std::optional<JobUpdates> updates_;  // with redis_
  std::unique_ptr<transport::rabbitmq::PanelEnd> rabbitmq_;
  std::string vhost_ = "/";  // of RabbitMQ
  PasswordPool passwords_;
  SignIn sign_in_;
  Authenticator authenticator_;
  Random& random_;
  Metrics metrics_;
  net::Router router_;
  net::Router::Before before_;
  std::unique_ptr<net::HttpServer> server_;
  net::TaskGroup tasks_;          // none waits for the store: they end with io_
  std::string registry_failure_;  // that was said last
  bool failed_ = false;
  std::unique_ptr<store::Listening> listening_;
};

}  // namespace

int RunPanel(PanelConfiguration configuration,
             std::function<Result<PanelConfiguration>()> read_again,
             std::span<const WebFile> files) {
  const SystemClock clock;
  SystemRandom random;
  auto keys = KeyRing::Create(configuration.secret_key);
  if (!keys) return Refuse(keys.error());
  if (const auto made = MakeDirectories(configuration.state_dir, 0700); !made)
    return Refuse(made.error());
  auto logs = OpenLogs(configuration, clock);
  if (!logs) return Refuse(logs.error());
  RaiseDescriptorLimit();
  auto database = OpenDatabase(configuration.database_url, [&](const Error& error) {
    SayThatTheStoreIsAway(error, *logs->panel);
  });
  if (!database) return RefuseStore(database.error());
  return Panel(configuration, std::move(read_again), files, *logs, **database, std::move(*keys),
               clock, random)
      .Run();
}

}  // namespace prov::panel
