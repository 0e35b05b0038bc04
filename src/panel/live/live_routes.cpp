#include "panel/live/live_routes.hpp"

#include "panel/answers.hpp"
#include "panel/live/log_route.hpp"
#include "panel/live/parameters.hpp"
#include "panel/live/stream_session.hpp"

namespace prov::panel {

namespace asio = boost::asio;

namespace {

using Shared = std::shared_ptr<const LiveDependencies>;

// Whether the job may be followed from `position` on: kNotFound, or kInvalidArgument for a position
// that its stream never had.
Result<StreamSubject::Job> Open(store::Transaction& t, const store::Actor& actor,
                                JobPosition position) {
  auto& [job, at] = position;
  PROV_TRY(const auto record, t.jobs().Get(actor, job));
  if (at == kNow) {
    PROV_TRY(const auto newest, t.changes().Newest(actor, job));
    at = {newest - 1, 0};  // a job has its first change with its row
  }
  PROV_TRY(const auto before, t.changes().After(actor, job, at.seq == 0 ? 0 : at.seq - 1, 1));
  PROV_TRY(const auto after, t.changes().After(actor, job, at.seq, 1));
  bool known = at.seq == 0 || (!before.empty() && before.front().seq == at.seq);
  // Of a log that was removed every position is taken: what follows says that it is gone.
  if (known && at.lines > 0 && !record.log_removed_at) {
    known = !after.empty() && after.front().log &&
            ShownLineReader(*after.front().log).Skip(at.lines + 1);
  }
  if (!known) return Error{ErrorCode::kInvalidArgument, "the stream never was at this position."};
  return StreamSubject::Job{position, job::IsTerminal(record.status) && after.empty()};
}

asio::awaitable<Result<std::vector<StreamSubject::Job>>> OpenAll(Shared dependencies,
                                                                 store::Actor actor,
                                                                 std::vector<JobPosition> jobs) {
  using Jobs = std::vector<StreamSubject::Job>;
  co_return co_await dependencies->store.Read([actor, jobs](store::Transaction& t) -> Result<Jobs> {
    Jobs opened;
    for (const auto& position : jobs) {
      PROV_TRY(auto job, Open(t, actor, position));
      opened.push_back(job);
    }
    return opened;
  });
}

net::Response MakeStream(Shared dependencies, StreamSubject subject) {
  net::Response response;
  response.headers.Set("Content-Type", "text/event-stream");
  response.headers.Set("Cache-Control", "no-store");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  response.headers.Set("X-Accel-Buffering", "no");  // nginx would hold events back
  const auto session = std::make_shared<StreamSession>(std::move(dependencies), std::move(subject));
  response.stream = [session](std::shared_ptr<net::BodyStream> body) {
    return session->Run(std::move(body));
  };
  return response;
}

// Opens what the subject names, or says why not: 404, 422, 429, 503; 204 when all is over and read.
asio::awaitable<net::Response> OpenStream(Shared dependencies, net::Request request,
                                          StreamSubject subject, std::vector<JobPosition> jobs) {
  if (dependencies->streams.closed())
    co_return net::MakeProblem(503, "unavailable", "The panel is shutting down.");
  if (dependencies->streams.open() >= dependencies->streams.limits().streams)
    co_return net::MakeProblem(429, "too_many_streams", "Too many streams are open.");
  auto opened = co_await OpenAll(dependencies, subject.actor, std::move(jobs));
  if (!opened && opened.error().code == ErrorCode::kInvalidArgument) {
    const auto header = request.headers.Find("Last-Event-ID");
    co_return Unprocessable({{header && !header->empty() ? "Last-Event-ID" : "after", "position",
                              "The stream never was at this position."}});
  }
  if (!opened) co_return MakeFailure(*dependencies, opened.error());
  subject.jobs = std::move(*opened);
  const bool topics = subject.jobs_topic || subject.servers_topic;
  if (!topics && std::all_of(subject.jobs.begin(), subject.jobs.end(),
                             [](const StreamSubject::Job& job) { return job.settled; }))
    co_return net::Response{.status = 204};
  co_return MakeStream(std::move(dependencies), std::move(subject));
}

asio::awaitable<net::Response> GetJobStream(Shared dependencies, net::Request request) {
  const auto job = Uuid::Parse(request.parameters["id"]);
  if (!job) co_return NoSuch("job");
  std::vector<net::FieldError> faults;
  const auto position = ReadStreamQuery(request, faults);
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  StreamSubject subject{.actor = dependencies->caller(request)};
  std::vector<JobPosition> jobs{{*job, position.value_or(StreamPosition{})}};
  co_return co_await OpenStream(std::move(dependencies), std::move(request), std::move(subject),
                                std::move(jobs));
}

asio::awaitable<net::Response> GetStream(Shared dependencies, net::Request request) {
  std::vector<net::FieldError> faults;
  auto query = ReadStreamsQuery(request, faults);
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  StreamSubject subject{.actor = dependencies->caller(request),
                        .several = true,
                        .jobs_topic = query.jobs_topic,
                        .servers_topic = query.servers_topic};
  co_return co_await OpenStream(std::move(dependencies), std::move(request), std::move(subject),
                                std::move(query.jobs));
}

}  // namespace

void AddLiveRoutes(net::Router& router, const LiveDependencies& dependencies) {
  const Shared shared = std::make_shared<LiveDependencies>(dependencies);
  const auto add = [&](std::string pattern, auto handler) {
    router.Add({.method = "GET",
                .pattern = std::move(pattern),
                .scope = dependencies.scope,
                .body_limit = {},
                .handler = [shared, handler](net::Request request) {
                  return handler(shared, std::move(request));
                }});
  };
  add("/api/jobs/{id}/log", GetLog);
  add("/api/jobs/{id}/stream", GetJobStream);
  add("/api/stream", GetStream);
}

}  // namespace prov::panel
