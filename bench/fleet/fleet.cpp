#include "fleet.hpp"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/json.hpp"
#include "enrolment.hpp"
#include "transport/http/agent_link.hpp"
#include "transport/rabbitmq/agent_link.hpp"
#include "transport/rabbitmq/user.hpp"
#include "transport/redis/acl.hpp"
#include "transport/redis/agent_link.hpp"

namespace prov::bench {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kEnrolling = 16;    // at once
constexpr std::size_t kConnecting = 200;  // at once: servers do not all start in one second
constexpr Millis kLook{10};
constexpr Seconds kAllHeard{60};  // after the last connected
constexpr Seconds kAllEnded{30};  // after the last submit

[[noreturn]] void Rethrow(std::exception_ptr failure) { std::rethrow_exception(failure); }

bool IsRedis(std::string_view url) { return url.starts_with("redis"); }
bool IsRabbitmq(std::string_view url) { return url.starts_with("amqp"); }

template <class Link>
Result<std::unique_ptr<transport::AgentLink>> AnyLink(Result<std::unique_ptr<Link>> made) {
  PROV_TRY(auto link, std::move(made));
  return std::unique_ptr<transport::AgentLink>(std::move(link));
}

double Milliseconds(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

void LinkLog::Write(LogLevel, std::string_view event, const LogSubject&,
                    boost::json::object metadata) {
  if (event != "net_disconnected") return;
  ++disconnected_;
  if (const auto* reason = metadata.if_contains("reason")) last_reason_ = json::Serialize(*reason);
}

Fleet::Fleet(asio::any_io_executor executor, FleetOptions options)
    : executor_(executor), options_(std::move(options)), links_(executor, Rethrow) {}

asio::awaitable<void> Fleet::Sleep(Millis time) {
  asio::steady_timer timer(executor_, time);
  co_await timer.async_wait(asio::use_awaitable);
}

Result<std::unique_ptr<net::HttpClient>> Fleet::MakeClient() const {
  net::ClientOptions options;
  options.origin = options_.panel_url;
  options.ca_file = options_.ca_file;
  return net::HttpClient::Create(executor_, std::move(options));
}

// The panel has committed what they said first.
std::size_t Fleet::Heard() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      members_, [](const Member& member) { return member.agent->acknowledged() > 0; }));
}

asio::awaitable<Status> Fleet::Enrol(std::size_t count) {
  if (IsRedis(options_.queue_url) && !administrator_)
    PROV_CO_CHECK(co_await ConnectAdministrator());
  failure_ = Status();
  net::TaskGroup workers(executor_, Rethrow);
  for (std::size_t i = 0; i < kEnrolling; ++i) workers.Spawn(EnrolUntil(count));
  co_await workers.Wait();
  co_return failure_;
}

asio::awaitable<void> Fleet::EnrolUntil(std::size_t count) {
  const auto panel = MakeClient();
  if (!panel) failure_ = panel.error();
  while (failure_ && begun_ < count) {
    if (const auto enrolled = co_await EnrolNext(**panel); !enrolled) failure_ = enrolled.error();
  }
}

asio::awaitable<Status> Fleet::EnrolNext(net::HttpClient& panel) {
  const auto name = fmt::format("sim-{:06}", ++begun_);
  PROV_CO_TRY(auto identity,
              co_await bench::Enrol(panel, name, options_.secret_key, clock_, random_));
  if (administrator_) PROV_CO_CHECK(co_await MakeRedisUser(*administrator_, identity));
  if (IsRabbitmq(options_.queue_url)) definitions_.push_back(RabbitmqUserOf(identity, random_));
  members_.push_back(
      {std::make_unique<SimulatedAgent>(executor_, std::move(identity), clock_, ledger_), nullptr});
  co_return Status();
}

asio::awaitable<Status> Fleet::Connect() {
  std::size_t connected = 0;
  for (auto& member : members_) {
    ++connected;
    if (member.link) continue;
    PROV_CO_CHECK(co_await UntilHeard(connected > kConnecting ? connected - kConnecting : 0));
    PROV_CO_TRY(member.link, MakeLink(member.agent->identity()));
    links_.Spawn(member.link->Run(*member.agent));
  }
  co_return co_await UntilHeard(members_.size());
}

asio::awaitable<Status> Fleet::UntilHeard(std::size_t count) {
  for (const auto until = clock_.Steady() + kAllHeard; Heard() < count;) {
    if (clock_.Steady() > until) {
      co_return Error{ErrorCode::kTimeout,
                      fmt::format("the panel hears {} of {} agents; {}", Heard(), members_.size(),
                                  log_.last_reason()),
                      {}};
    }
    co_await Sleep(kLook);
  }
  co_return Status();
}

Result<std::unique_ptr<transport::AgentLink>> Fleet::MakeLink(const SimulatedIdentity& identity) {
  if (IsRedis(options_.queue_url)) return MakeRedisLink(identity);
  if (IsRabbitmq(options_.queue_url)) return MakeRabbitmqLink(identity);
  return MakeHttpLink(identity);
}

Result<std::unique_ptr<transport::AgentLink>> Fleet::MakeHttpLink(
    const SimulatedIdentity& identity) {
  transport::http::AgentLinkOptions options;
  options.agent = identity.agent;
  options.generation = identity.keys.generation;
  options.http_key = identity.keys.http.Clone();
  options.panel_url = options_.panel_url;
  options.ca_file = options_.ca_file;
  return AnyLink(
      transport::http::HttpAgentLink::Create(executor_, std::move(options), clock_, random_, log_));
}

Result<std::unique_ptr<transport::AgentLink>> Fleet::MakeRedisLink(
    const SimulatedIdentity& identity) {
  transport::redis::AgentLinkOptions options;
  options.agent = identity.agent;
  PROV_TRY(options.connection.url, redis::ParseUrl(options_.queue_url));
  options.connection.ca_file = options_.ca_file;
  options.connection.url.user = transport::redis::AclUser(identity.agent);
  options.connection.url.password =
      transport::redis::AclPassword(identity.keys.http.view(), identity.agent);
  return AnyLink(transport::redis::RedisAgentLink::Create(executor_, std::move(options), clock_,
                                                          random_, log_));
}

Result<std::unique_ptr<transport::AgentLink>> Fleet::MakeRabbitmqLink(
    const SimulatedIdentity& identity) {
  transport::rabbitmq::AgentLinkOptions options;
  options.agent = identity.agent;
  PROV_TRY(options.connection.url, amqp::ParseUrl(options_.queue_url));
  options.connection.ca_file = options_.ca_file;
  options.connection.url.user = transport::rabbitmq::UserOf(identity.agent);
  options.connection.url.password =
      transport::rabbitmq::PasswordOf(identity.keys.http.view(), identity.agent);
  return AnyLink(transport::rabbitmq::RabbitmqAgentLink::Create(executor_, std::move(options),
                                                                clock_, random_, log_));
}

asio::awaitable<Status> Fleet::ConnectAdministrator() {
  redis::ClientOptions options;
  PROV_CO_TRY(options.connection.url, redis::ParseUrl(options_.queue_url));
  options.connection.url.password = options_.redis_administrator_password;
  options.connection.ca_file = options_.ca_file;
  PROV_CO_TRY(administrator_, redis::Client::Create(executor_, std::move(options), random_));
  co_return Status();
}

asio::awaitable<Result<Fleet::Outcome>> Fleet::Run(Load load) {
  PROV_CO_TRY(const auto panel, MakeClient());
  Outcome outcome;
  ledger_.clear();
  net::TaskGroup submits(executor_, Rethrow);
  const auto pause = std::chrono::duration_cast<SteadyTime::duration>(
      std::chrono::duration<double>(1 / load.per_second));
  const auto end = clock_.Steady() + std::chrono::duration_cast<SteadyTime::duration>(
                                         std::chrono::duration<double>(load.seconds));
  // By the clock, and not one after the other: a panel that is slow is not spared.
  for (auto due = clock_.Steady(); due < end; due += pause) {
    asio::steady_timer timer(executor_, due);
    co_await timer.async_wait(asio::use_awaitable);
    const auto& agent = members_[next_agent_++ % members_.size()].agent->identity().agent;
    submits.Spawn(Submit(*panel, agent, load.api_token, outcome));
  }
  co_await submits.Wait();
  const auto unfinished = [this] {
    return static_cast<std::size_t>(std::ranges::count_if(
        ledger_, [](const auto& each) { return each.second.submitted && !each.second.ended; }));
  };
  for (const auto until = clock_.Steady() + kAllEnded; unfinished() > 0 && clock_.Steady() < until;)
    co_await Sleep(kLook);
  outcome.unfinished = unfinished();
  for (const auto& [job, times] : ledger_) {
    if (!times.submitted || !times.ended) continue;
    outcome.came_again += times.came_again;
    outcome.accepted_ms.push_back(Milliseconds(*times.submitted, *times.accepted));
    outcome.ended_ms.push_back(Milliseconds(*times.submitted, *times.ended));
  }
  std::ranges::sort(outcome.accepted_ms);
  std::ranges::sort(outcome.ended_ms);
  co_return outcome;
}

asio::awaitable<void> Fleet::Submit(net::HttpClient& panel, std::string agent,
                                    std::string api_token, Outcome& outcome) {
  net::ClientRequest request;
  request.method = "POST";
  request.target = "/api/jobs";
  request.headers.Set("Content-Type", "application/json");
  request.headers.Set("Authorization", "Bearer " + api_token);
  request.body = json::Serialize(boost::json::object{
      {"app_id", "noop"}, {"server_id", agent}, {"inputs", boost::json::object()}});
  const auto began = clock_.Steady();
  const auto response = co_await panel.Send(std::move(request));
  const auto refuse = [&](std::string why) {
    ++outcome.refused;
    outcome.why = std::move(why);
  };
  if (!response) co_return refuse(response.error().ToString());
  if (response->status != 202) co_return refuse(response->body);
  const auto record = json::ParseText(response->body);
  const auto id = Uuid::Parse(record ? record->at("id").as_string() : "");
  if (!id) co_return refuse("it answered without a job");
  ++outcome.submitted;
  ledger_[*id].submitted = began;
}

std::vector<std::string> Fleet::refused_parcels() const {
  std::vector<std::string> all;
  for (const auto& member : members_)
    all.insert(all.end(), member.agent->refused().begin(), member.agent->refused().end());
  return all;
}

}  // namespace prov::bench
