#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/grammar.hpp"
#include "net/json_body.hpp"
#include "panel/api/idempotency_key.hpp"
#include "panel/api/paging.hpp"
#include "panel/api/routes.hpp"
#include "panel/api/views.hpp"
#include "panel/auth/authenticator.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
using net::Request;
using net::Response;

constexpr std::size_t kMostUserCharacters = 255;

struct NewJobBody {
  std::string app_id;
  std::string server_id;
  boost::json::object inputs;
  std::optional<contract::Action> action;
};
BOOST_DESCRIBE_STRUCT(NewJobBody, (), (app_id, server_id, inputs, action))

struct RetryBody {
  std::optional<boost::json::object> inputs;
};
BOOST_DESCRIBE_STRUCT(RetryBody, (), (inputs))

store::StoredResponse Accepted(const job::Record& record) {
  return {202, "/api/jobs/" + record.id.ToString(), JobText(record)};
}

std::optional<Uuid> IdOf(const Request& request) {
  const auto id = Uuid::Parse(request.parameters.at("id"));
  return id ? std::optional(*id) : std::nullopt;
}

Result<std::optional<KeyedRequest>> KeyedOf(const Request& request) {
  PROV_TRY(auto idempotency, IdempotencyOf(request));
  if (!idempotency) return std::optional<KeyedRequest>();
  return std::optional(KeyedRequest{std::move(*idempotency), Accepted});
}

Response Answer(OrProblem<Submitted> submitted) {
  if (auto* problem = std::get_if<net::Problem>(&submitted)) return net::MakeProblem(*problem);
  const auto& [record, replayed] = std::get<Submitted>(submitted);
  return replayed ? AnswerAgain(*replayed) : AnswerStored(Accepted(record));
}

asio::awaitable<Response> Create(JobService& jobs, Request request) {
  auto body = net::ReadJsonBody<NewJobBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  auto keyed = KeyedOf(request);
  if (!keyed) co_return BadKey(keyed.error());
  auto& given = std::get<NewJobBody>(body);
  Submission submission{std::move(given.app_id), std::move(given.server_id),
                        std::move(given.inputs), given.action.value_or(contract::Action::kInstall)};
  co_return Answer(
      co_await jobs.Submit(CallerOf(request).actor, std::move(submission), std::move(*keyed)));
}

std::string IdParameter(const Request& request, const char* name, bool (*is_id)(std::string_view),
                        std::vector<net::FieldError>& faults) {
  const auto text = request.Query(name);
  if (!text) return "";
  if (!is_id(*text)) faults.push_back({name, "format", "is not spelled as an id is"});
  return std::string(*text);
}

store::JobFilter ReadFilter(const Request& request, std::vector<net::FieldError>& faults) {
  store::JobFilter filter;
  filter.app_id = IdParameter(request, "app_id", job::IsAppId, faults);
  filter.server_id = IdParameter(request, "server_id", job::IsAgentId, faults);
  filter.user_id = request.Query("user").value_or("");
  if (CountCodePoints(filter.user_id) > kMostUserCharacters)
    faults.push_back({"user", "max_length",
                      fmt::format("must have at most {} characters", kMostUserCharacters)});
  for (const auto& [name, value] : request.query) {
    if (name != "status") continue;
    if (const auto status = json::EnumFromName<job::Status>(value))
      filter.statuses.push_back(*status);
    else
      faults.push_back(
          {"status", "allowed_values", "must be one of " + json::EnumNames<job::Status>()});
  }
  if (const auto action = request.Query("action")) {
    filter.action = json::EnumFromName<contract::Action>(*action);
    if (!filter.action)
      faults.push_back(
          {"action", "allowed_values", "must be one of " + json::EnumNames<contract::Action>()});
  }
  filter.since = TimeParameter(request, "since", faults);
  filter.until = TimeParameter(request, "until", faults);
  return filter;
}

// Jobs, and the queues that some of them wait in.
struct Shown {
  std::vector<job::Record> jobs;
  Queues queues;
};

std::optional<Waiting> WhyItWaits(const Dispatcher& dispatcher, const Queues& queues,
                                  const job::Record& record) {
  static const std::vector<Uuid> kNone;
  const auto agent = queues.agents.find(record.server_id);
  const auto queue = queues.waiting.find(record.server_id);
  return WaitingOf(
      record,
      agent == queues.agents.end() ? ServerStatus::kNeverSeen : dispatcher.StatusOf(agent->second),
      queue == queues.waiting.end() ? kNone : queue->second);
}

asio::awaitable<Response> ListJobs(StoreGate& store, const Dispatcher& dispatcher,
                                   const KeyRing& keys, Request request) {
  std::vector<net::FieldError> faults;
  CheckParameters(
      request,
      {"app_id", "server_id", "status", "user", "action", "since", "until", "limit", "cursor"},
      faults, "status");
  const auto filter = ReadFilter(request, faults);
  const auto bound = FilterOf(request);
  const auto page = ReadPage(request, keys, bound, faults);
  std::optional<Uuid> before;
  if (!page.after.empty()) {
    if (const auto id = Uuid::Parse(page.after)) before = *id;
  }
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  const auto actor = CallerOf(request).actor;
  // One more than is shown says whether there is a next page.
  const auto wanted = page.limit + 1;
  auto shown =
      co_await store.Read([actor, filter, before, wanted](store::Transaction& t) -> Result<Shown> {
        Shown read;
        PROV_TRY(read.jobs, t.jobs().List(actor, filter, before, wanted));
        PROV_TRY(read.queues, ReadQueues(t, actor, read.jobs));
        return read;
      });
  if (!shown) co_return net::MakeProblem(net::ToProblem(shown.error()));
  auto& [records, queues] = *shown;
  const bool more = records.size() > page.limit;
  if (more) records.pop_back();
  boost::json::array items;
  for (const auto& record : records)
    items.push_back(JobJson(record, WhyItWaits(dispatcher, queues, record)));
  boost::json::value next = nullptr;
  if (more) next = MakeCursor(keys, bound, records.back().id.ToString());
  co_return Listed(std::move(items), std::move(next));
}

asio::awaitable<Response> CountJobs(StoreGate& store, Request request) {
  std::vector<net::FieldError> faults;
  CheckParameters(request, {"app_id", "server_id", "status", "user", "action", "since", "until"},
                  faults, "status");
  const auto filter = ReadFilter(request, faults);
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  const auto counts =
      co_await store.Read([actor = CallerOf(request).actor, filter](store::Transaction& t) {
        return t.jobs().Counts(actor, filter);
      });
  if (!counts) co_return net::MakeProblem(net::ToProblem(counts.error()));
  boost::json::object by_status;
  for (const auto& [status, count] : *counts) by_status[json::EnumName(status)] = count;
  co_return net::MakeJson(boost::json::object{{"by_status", std::move(by_status)}});
}

asio::awaitable<Response> ShowJob(StoreGate& store, const Dispatcher& dispatcher, Request request) {
  const auto id = IdOf(request);
  if (!id) co_return NoSuch("job");
  const auto actor = CallerOf(request).actor;
  const auto shown = co_await store.Read([actor, id = *id](store::Transaction& t) -> Result<Shown> {
    Shown read;
    PROV_TRY(auto record, t.jobs().Get(actor, id));
    read.jobs.push_back(std::move(record));
    PROV_TRY(read.queues, ReadQueues(t, actor, read.jobs));
    return read;
  });
  if (shown) {
    const auto& record = shown->jobs.front();
    Response response{.body = JobText(record, WhyItWaits(dispatcher, shown->queues, record))};
    response.headers.Set("Content-Type", "application/json");
    co_return response;
  }
  if (shown.error().code == ErrorCode::kNotFound) co_return NoSuch("job");
  co_return net::MakeProblem(net::ToProblem(shown.error()));
}

// `act` is JobService::Cancel or ::RetryNow.
asio::awaitable<Response> Ask(JobService& jobs, decltype(&JobService::Cancel) act,
                              Request request) {
  const auto id = IdOf(request);
  if (!id) co_return NoSuch("job");
  auto keyed = KeyedOf(request);
  if (!keyed) co_return BadKey(keyed.error());
  co_return Answer(co_await (jobs.*act)(CallerOf(request).actor, *id, std::move(*keyed)));
}

asio::awaitable<Response> Retry(JobService& jobs, Request request) {
  const auto id = IdOf(request);
  if (!id) co_return NoSuch("job");
  RetryBody given;
  if (!request.body.empty()) {
    auto body = net::ReadJsonBody<RetryBody>(request);
    if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
    given = std::move(std::get<RetryBody>(body));
  }
  auto keyed = KeyedOf(request);
  if (!keyed) co_return BadKey(keyed.error());
  co_return Answer(co_await jobs.Retry(CallerOf(request).actor, *id,
                                       given.inputs.value_or(boost::json::object()),
                                       std::move(*keyed)));
}

}  // namespace

void AddJobRoutes(net::Router& router, const ApiDependencies& dependencies) {
  auto& store = dependencies.store;
  const auto& keys = dependencies.keys;
  auto& dispatcher = dependencies.dispatcher;
  auto& jobs = dispatcher.jobs();
  const std::string read(kScopeRead);
  const std::string write(kScopeJobs);
  router.Add({"POST", "/api/jobs", write, {}, [&jobs](Request request) {
                return Create(jobs, std::move(request));
              }});
  router.Add({"GET", "/api/jobs", read, {}, [&store, &dispatcher, &keys](Request request) {
                return ListJobs(store, dispatcher, keys, std::move(request));
              }});
  router.Add({"GET", "/api/jobs/counts", read, {}, [&store](Request request) {
                return CountJobs(store, std::move(request));
              }});
  router.Add({"GET", "/api/jobs/{id}", read, {}, [&store, &dispatcher](Request request) {
                return ShowJob(store, dispatcher, std::move(request));
              }});
  router.Add({"POST", "/api/jobs/{id}/cancel", write, {}, [&jobs](Request request) {
                return Ask(jobs, &JobService::Cancel, std::move(request));
              }});
  router.Add({"POST", "/api/jobs/{id}/retry-now", write, {}, [&jobs](Request request) {
                return Ask(jobs, &JobService::RetryNow, std::move(request));
              }});
  router.Add({"POST", "/api/jobs/{id}/retry", write, {}, [&jobs](Request request) {
                return Retry(jobs, std::move(request));
              }});
}

}  // namespace prov::panel
