// What a process of the net role consists of, between a real panel's end on loopback and the model
// of an executor: started, and ended as by kill -9.
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/write.hpp>

#include "agent/net/channel_port.hpp"
#include "transport/http/http_transport_test.hpp"

namespace prov::agent {
namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;
using transport::AgentModel;

// The executor's end of the channel.
class ExecutorEnd {
 public:
  ExecutorEnd(Socket socket, AgentModel& model) : socket_(std::move(socket)), model_(model) {}

  asio::awaitable<void> Run() {
    TellState();
    FrameReader reader;
    std::array<char, 65536> chunk;
    for (;;) {
      const auto [fault, got] = co_await socket_.async_read_some(
          asio::buffer(chunk), asio::as_tuple(asio::use_awaitable));
      if (fault) co_return;
      reader.Feed({chunk.data(), got});
      for (Message message;;) {
        const auto next = reader.Next(message);
        EXPECT_TRUE(next);
        if (!next || !*next) break;
        co_await Answer(std::move(message));
      }
    }
  }
  asio::awaitable<void> TellChanges() {
    for (;;) {
      co_await model_.Changed();
      TellState();
    }
  }

 private:
  asio::awaitable<void> Answer(Message message) {
    if (auto* parcel = std::get_if<TakeParcel>(&message)) {
      if (co_await model_.Take(std::move(parcel->bytes))) Say(ParcelTaken{parcel->number});
    } else if (const auto* want = std::get_if<WantEvents>(&message)) {
      auto events = co_await model_.Events(want->from, want->most_bytes);
      SignedEvents answer{events->empty() ? 0 : events->front().seq, {}};
      for (auto& event : *events) answer.events.push_back(std::move(event.bytes));
      Say(answer);
    }
  }
  void TellState() { Say(OutboxState{model_.last_event(), model_.acknowledged()}); }
  void Say(const Message& message) {
    std::string bytes;
    AppendFrame(bytes, message);
    boost::system::error_code gone;
    asio::write(socket_, asio::buffer(bytes), gone);
  }

  Socket socket_;
  AgentModel& model_;
};

class NetRoleTest : public transport::TransportTest {
 protected:
  struct NetRole {
    std::unique_ptr<ExecutorEnd> executor;
    std::unique_ptr<ChannelPort> port;
    std::unique_ptr<transport::AgentLink> link;
    std::unique_ptr<net::TaskGroup> tasks;
  };
  void SetUp() override { Begin(transport::http::PlainHttpTransport()); }
  void TearDown() override {
    Kill();
    transport::TransportTest::TearDown();
  }

  void StartNetRole() {
    Socket net(io_), executor(io_);
    asio::local::connect_pair(net, executor);
    role_ = {std::make_unique<ExecutorEnd>(std::move(executor), Agent("a")),
             std::make_unique<ChannelPort>(std::move(net)), transport_->MakeLink("a"), MakeTasks()};
    role_.tasks->Spawn(role_.executor->Run());
    role_.tasks->Spawn(role_.executor->TellChanges());
    role_.tasks->Spawn(role_.port->Read());
    role_.tasks->Spawn(role_.port->Write());
    role_.tasks->Spawn(role_.link->Run(*role_.port));
  }
  void Kill() {
    if (!role_.tasks) return;
    role_.tasks->CancelAll();
    RunUntil([&] { return role_.tasks->size() == 0; }, "the net role to end");
    role_ = {};
  }

  NetRole role_;
};

TEST_F(NetRoleTest, OrdersAndEvents_PassBetweenPanelAndExecutor) {
  StartNetRole();
  auto& agent = Agent("a");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Push("a", std::to_string(i)));
    agent.Report();
  }
  RunUntil([&] { return agent.taken() == 20 && agent.acknowledged() == 20; }, "all of it");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
}

TEST_F(NetRoleTest, KilledWhileAnOrderIsOnItsWay_LosesNeitherItNorAnEvent) {
  auto& agent = Agent("a");
  agent.hold = true;
  StartNetRole();
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.begun.contains("order 1"); }, "the order to be on its way");
  agent.Report();
  Kill();
  EXPECT_EQ(agent.taken(), 0U);
  agent.hold = false;
  agent.Report();
  StartNetRole();
  RunUntil([&] { return agent.taken() == 1 && agent.acknowledged() == 2; }, "both");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
}

// No other one came past it, since the net role was started anew at each.
TEST_F(NetRoleTest, AParcelThatNoFrameHolds_IsDoneWith_AndOrdersBehindItCome) {
  StartNetRole();
  ASSERT_TRUE(Push("a", "large", std::string(kMaxFrameBytes, 'x')));
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return Agent("a").journal.contains("order 1") && Depth("a") == 0; },
           "the order behind it");
  EXPECT_EQ(Agent("a").taken(), 2U);
}

}  // namespace
}  // namespace prov::agent
