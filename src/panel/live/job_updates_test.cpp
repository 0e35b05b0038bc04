#include "panel/live/job_updates.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/random.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

// Answers when it is told to.
class HeldDatabase final : public store::Database {
 public:
  void Submit(store::Access, store::Work, store::Completion done) override {
    held.push_back(std::move(done));
  }
  std::vector<store::Completion> held;
};

class Nobody final : public transport::AgentDirectory, public transport::EventSink {
 public:
  asio::awaitable<Result<transport::HttpAccess>> AccessOf(std::string, std::uint32_t) override {
    co_return Error{ErrorCode::kUnauthenticated, "there are no agents", {}};
  }
  asio::awaitable<Result<std::vector<std::string>>> Heard() override {
    co_return std::vector<std::string>();
  }
  asio::awaitable<Result<std::string>> Deliver(std::string, std::vector<std::string>) override {
    co_return std::string();
  }
  void Seen(const std::string&) override {}
};

// What the store answers to nobody goes to an io_context that is gone.
TEST(JobUpdatesTest, StoppedWhileTheStoreReads_EndsWhenItHasRead) {
  asio::io_context io{1};
  const SystemClock clock;
  SystemRandom random;
  NullLogger log;
  Nobody nobody;
  HeldDatabase database;
  StoreGate gate(database);
  LiveHub hub;
  transport::redis::PanelEndOptions options;
  options.connection.url = *redis::ParseUrl("redis://127.0.0.1:1");  // which is away
  const auto end = transport::redis::PanelEnd::Create(io.get_executor(), std::move(options), nobody,
                                                      nobody, clock, random, log);
  ASSERT_TRUE(end) << end.error().ToString();
  JobUpdates updates(io.get_executor(), gate, hub, **end, log);
  updates.Start();
  hub.JobChanged(Uuid::MakeV7(clock, random));
  while (database.held.empty()) ASSERT_EQ(io.run_one_for(Seconds{10}), 1U);
  bool stopped = false;
  asio::co_spawn(io, updates.Stop(), [&](std::exception_ptr) { stopped = true; });
  io.poll();
  EXPECT_FALSE(stopped);
  database.held.front()(Error{ErrorCode::kUnavailable, "the store is away", {}});
  while (!stopped) ASSERT_EQ(io.run_one_for(Seconds{10}), 1U);
  bool ended = false;
  asio::co_spawn(io, (*end)->Stop(), [&](std::exception_ptr) { ended = true; });
  while (!ended) ASSERT_EQ(io.run_one_for(Seconds{10}), 1U);
  EXPECT_EQ(database.held.size(), 1U);
}

}  // namespace
}  // namespace prov::panel
