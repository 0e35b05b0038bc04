// A server on loopback with the live routes over a store in memory that can be made to fail.
#pragma once

#include <fmt/format.h>

#include "base/json.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"
#include "net/http_client.hpp"
#include "net/loopback_fixture_test.hpp"
#include "net/sse.hpp"
#include "panel/live/live_routes.hpp"
#include "store/memory/database.hpp"

namespace prov::panel {

// Counts what is read, and fails when told to.
class FaultyDatabase final : public store::Database {
 public:
  void Submit(store::Access access, store::Work work, store::Completion done) override {
    if (access == store::Access::kRead) {
      ++reads;
      if (before_read) before_read(reads);
      if (fail_after && reads > *fail_after)
        return done(Error{ErrorCode::kUnavailable, "the store is away."});
    }
    inner_->Submit(access, std::move(work), std::move(done));
  }
  void Use(std::unique_ptr<store::Database> inner) { inner_ = std::move(inner); }
  std::size_t reads = 0;
  std::optional<std::size_t> fail_after;
  std::function<void(std::size_t)> before_read;  // told the how-manieth it is

 private:
  std::unique_ptr<store::Database> inner_ = std::make_unique<store::memory::MemoryDatabase>();
};

class Live : public net::Loopback {
 public:
  using Json = boost::json::value;

  void SetUp() override {
    limits_.comment = Seconds{15};
    limits_.batch = Millis{5};
    limits_.retry = Millis{5};
  }

  void TearDown() override {
    net::Loopback::TearDown();
    if (feeds_) net::Loopback::Run(feeds_->Stop());
  }

  void Serve(net::ServerLimits limits = {}) {
    streams_.emplace(limits_);
    feeds_.emplace(io_.get_executor(), gate_, hub_, limits_,
                   [](std::exception_ptr failure) { std::rethrow_exception(failure); });
    AddLiveRoutes(router_, {.store = gate_,
                            .hub = hub_,
                            .streams = *streams_,
                            .feeds = *feeds_,
                            .caller = [](const net::Request&) { return store::Actor{"ann"}; },
                            .scope = "jobs",
                            .on_error = [this](const Error&) { ++errors_; }});
    Listen({.limits = limits, .handler = [this](net::Request request) {
              return router_.Dispatch(std::move(request), before_);
            }});
    auto client = net::HttpClient::Create(
        io_.get_executor(), {.origin = fmt::format("http://127.0.0.1:{}", server_->port()),
                             .body_bytes = std::size_t{64} << 20});
    ASSERT_TRUE(client);
    client_ = std::move(*client);
  }

  Uuid NewJob() {
    clock_.Advance(Millis{1});
    store::Creation creation;
    creation.job.id = Uuid::MakeV7(clock_, random_);
    creation.job.app_id = "nginx";
    creation.job.server_id = "agent-1";
    creation.job.user_id = "ann";
    creation.job.created_at = clock_.Now();
    EXPECT_TRUE(database_.Write([&](store::Transaction& t) { return t.jobs().Insert(creation); }));
    return creation.job.id;
  }

  using Edit = std::function<void(job::Record&)>;
  // One change, and those who listen are told.
  void Change(const Uuid& id, const Edit& edit, job::Party by = job::Party::kAgent,
              const std::optional<store::LogChunk>& log = std::nullopt) {
    auto done = database_.Write([&](store::Transaction& t) -> Result<std::uint64_t> {
      PROV_TRY(auto record, t.jobs().Get({"ann"}, id));
      const store::Expected expected{record.attempt, record.status};
      edit(record);
      return t.jobs().Apply(expected, by, record, clock_.Now(), log);
    });
    EXPECT_TRUE(done) << done.error().ToString();
    hub_.JobChanged(id);
  }
  void To(const Uuid& id, job::Status status, job::Party by = job::Party::kAgent) {
    Change(id, [&](job::Record& record) { record.status = status; }, by);
  }
  void Start(const Uuid& id) {
    To(id, job::Status::kDispatched, job::Party::kPanel);
    To(id, job::Status::kAccepted);
    Change(id, [](job::Record& record) {
      record.status = job::Status::kRunning;
      record.attempt = 1;
    });
  }
  static store::LogChunk Chunk(std::uint64_t first, const std::vector<job::LogFrame>& frames) {
    std::string raw;
    for (const auto& frame : frames) job::AppendFrame(raw, frame);
    return {first, job::CountLines(frames), job::EncodeStored(*job::PackFrames(raw), raw.size())};
  }
  void Log(const Uuid& id, std::uint64_t first, const std::string& text,
           job::Stream stream = job::Stream::kOut) {
    Change(
        id, [](job::Record&) {}, job::Party::kAgent,
        Chunk(first, {{first, clock_.Now(), stream, text}}));
  }

  // Of every job that is over by now.
  void RemoveLogs() {
    clock_.Advance(Millis{1});
    const auto removed = database_.Write([&](store::Transaction& t) {
      return t.jobs().RemoveLogs(std::nullopt, clock_.Now(), clock_.Now(), 1'000'000);
    });
    EXPECT_TRUE(removed) << removed.error().ToString();
  }

  net::ClientResponse Get(const std::string& target, const std::string& accept = "",
                          const std::string& last_event_id = "") {
    net::ClientResponse response;
    Run(Fetch(target, accept, last_event_id, response));
    return response;
  }
  boost::asio::awaitable<void> Fetch(std::string target, std::string accept,
                                     std::string last_event_id, net::ClientResponse& response) {
    net::ClientRequest request{.target = std::move(target)};
    if (!accept.empty()) request.headers.Set("Accept", accept);
    if (!last_event_id.empty()) request.headers.Set("Last-Event-ID", last_event_id);
    auto sent = co_await client_->Send(std::move(request));
    EXPECT_TRUE(sent) << sent.error().ToString();
    if (sent) response = std::move(*sent);
  }
  Json GetJson(const std::string& target) {
    const auto response = Get(target, "application/json");
    EXPECT_EQ(response.status, 200) << response.body;
    auto value = json::ParseText(response.body, {.bytes = std::size_t{64} << 20});
    EXPECT_TRUE(value) << target;
    return value ? *value : Json{};
  }
  // The events of a whole stream's body, which has ended.
  static std::vector<net::SseEvent> Events(const std::string& body) {
    net::SseParser parser(std::size_t{64} << 20);
    auto events = parser.Feed(body);
    EXPECT_TRUE(events);
    return events ? *events : std::vector<net::SseEvent>{};
  }

  std::string Path(const Uuid& id, const std::string& rest) {
    return "/api/jobs/" + id.ToString() + rest;
  }

  FakeRandom random_;
  FaultyDatabase database_;
  StoreGate gate_{database_};
  LiveHub hub_;
  LiveLimits limits_;
  std::optional<LiveStreams> streams_;  // Serve makes them
  std::optional<JobFeeds> feeds_;
  std::size_t errors_ = 0;
  net::Router router_;
  net::Router::Before before_;  // Dispatch keeps a reference
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace prov::panel
