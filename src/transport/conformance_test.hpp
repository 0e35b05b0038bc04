// What the conformance suite needs of a transport, and the two parties it puts at its ends: a panel
// that applies events in sequence and an agent whose journal outlives its net role. Events and
// parcels are opaque to a transport, so here they are plain text: "event <seq> …", "ack <seq>".
#pragma once

#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"
#include "transport/queue.hpp"

namespace prov::transport {

// Both ends of one transport, with whatever runs between them.
class TransportUnderTest {
 public:
  virtual ~TransportUnderTest() = default;
  // The panel's process starts, over the same address. What a panel held in memory is lost with it.
  virtual void StartPanel(EventSink& sink) = 0;
  // It stops in an orderly way: waiting agents are let go, and it does not wait for them.
  virtual boost::asio::awaitable<void> StopPanel() = 0;
  // While the panel runs.
  virtual JobQueue& queue() = 0;
  // What the net role of `agent` starts with.
  virtual std::unique_ptr<AgentLink> MakeLink(const std::string& agent) = 0;
};

// How many parcels a queue of `TransportFactory` takes for one agent, at most.
inline constexpr std::size_t kQueueLimit = 300;

struct TransportFactory {
  std::string name;
  std::function<std::unique_ptr<TransportUnderTest>(boost::asio::io_context&)> make;
};
inline void PrintTo(const TransportFactory& factory, std::ostream* to) { *to << factory.name; }

// The number in "event 7 …" or "ack 7"; 0 for anything else.
inline std::uint64_t NumberOf(std::string_view text, std::string_view word) {
  std::uint64_t number = 0;
  if (!text.starts_with(word)) return 0;
  text.remove_prefix(word.size());
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Applies events in sequence and acknowledges the end of the unbroken run, as a panel does. Its
// store outlives panels.
class PanelModel final : public EventSink {
 public:
  boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                      std::vector<std::string> events) override {
    ++deliveries;
    if (away) co_return Error{ErrorCode::kUnavailable, "the store is away", {}};
    if (swallow > 0) {
      --swallow;
      co_return std::string();
    }
    auto& applied = events_of[agent];
    for (auto& event : events) {
      if (NumberOf(event, "event ") == applied.size() + 1) applied.push_back(std::move(event));
    }
    co_return applied.empty() ? "" : "ack " + std::to_string(applied.size());
  }
  void Seen(const std::string& agent) override { ++seen[agent]; }

  std::map<std::string, std::vector<std::string>> events_of;
  std::map<std::string, int> seen;
  int deliveries = 0;
  int swallow = 0;  // so many deliveries are lost without a word
  bool away = false;
};

// The executor behind a net role: a journal of what was taken, and an outbox.
class AgentModel final : public AgentPort {
 public:
  explicit AgentModel(boost::asio::any_io_executor executor)
      : released_(executor), changed_(executor) {}

  boost::asio::awaitable<Status> Take(std::string parcel) override {
    ++begun[parcel];
    while (hold) co_await released_.Wait();
    if (const auto number = NumberOf(parcel, "ack ")) {
      acknowledged_ = std::max(acknowledged_, number);
      changed_.Notify();
    } else {
      ++journal[parcel];
    }
    co_return Status();
  }
  boost::asio::awaitable<Result<std::vector<Event>>> Events(std::uint64_t from,
                                                            std::size_t most_bytes) override {
    std::vector<Event> events;
    std::size_t bytes = 0;
    for (auto seq = std::max<std::uint64_t>(from, 1); seq <= outbox.size(); ++seq) {
      bytes += outbox[seq - 1].size();
      if (!events.empty() && bytes > most_bytes) break;
      events.push_back({seq, outbox[seq - 1]});
    }
    co_return events;
  }
  std::uint64_t last_event() const override { return outbox.size(); }
  std::uint64_t acknowledged() const override { return acknowledged_; }
  boost::asio::awaitable<void> Changed() override { co_await changed_.Wait(); }

  void Report(std::string_view what = "") {
    outbox.push_back("event " + std::to_string(outbox.size() + 1) + " " + std::string(what));
    changed_.Notify();
  }
  void Release() {
    hold = false;
    released_.Notify();
  }
  std::size_t taken() const { return journal.size(); }

  std::map<std::string, int> begun;    // by the parcel: how often Take was called
  std::map<std::string, int> journal;  // and how often it returned
  std::vector<std::string> outbox;
  bool hold = false;  // Take does not return

 private:
  std::uint64_t acknowledged_ = 0;
  net::Event released_;
  net::Event changed_;
};

// A panel, agents and the transport between them, on one io_context.
class TransportTest : public ::testing::Test {
 protected:
  void Begin(const TransportFactory& factory) {
    transport_ = factory.make(io_);
    StartPanel();
  }
  void TearDown() override {
    if (!transport_) return;
    while (!links_.empty()) StopAgent(links_.begin()->first);
    if (panel_runs_) StopPanel();
  }

  void StartPanel() {
    transport_->StartPanel(sink());
    panel_runs_ = true;
  }
  void StopPanel() {
    Await(transport_->StopPanel());
    panel_runs_ = false;
  }
  AgentModel& Agent(const std::string& name) {
    auto& agent = agents_[name];
    if (!agent) agent = std::make_unique<AgentModel>(io_.get_executor());
    return *agent;
  }
  AgentModel& StartAgent(const std::string& name) {
    auto& agent = Agent(name);
    auto& link = links_[name];
    link.link = transport_->MakeLink(name);
    link.task = MakeTasks();
    link.task->Spawn(link.link->Run(port(name)));
    return agent;
  }
  // As by kill: nothing is said to the panel.
  void StopAgent(const std::string& name) {
    auto link = std::move(links_.extract(name).mapped());
    link.task->CancelAll();
    RunUntil([&] { return link.task->size() == 0; }, "the link to end");
  }

  void RunUntil(const std::function<bool()>& done, std::string_view what) {
    const auto until = std::chrono::steady_clock::now() + kDeadline;
    io_.restart();
    while (!done()) {
      if (std::chrono::steady_clock::now() > until) {
        FAIL() << "waited in vain for " << what;
      }
      io_.run_one_for(Millis{20});
    }
  }
  template <class T>
  T Await(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    const auto task = MakeTasks();
    task->Spawn(
        [](boost::asio::awaitable<T> of, std::optional<T>& to) -> boost::asio::awaitable<void> {
          to = co_await std::move(of);
        }(std::move(work), result));
    RunUntil([&] { return task->size() == 0; }, "a call to return");
    if (!result) std::abort();  // the call refers to this frame
    return std::move(*result);
  }
  void Await(boost::asio::awaitable<void> work) {
    Await<bool>([](boost::asio::awaitable<void> of) -> boost::asio::awaitable<bool> {
      co_await std::move(of);
      co_return true;
    }(std::move(work)));
  }

  Status Push(const std::string& agent, const std::string& id, std::string bytes = "") {
    return Await(queue().Push(agent, Order(id, std::move(bytes))));
  }
  static Parcel Order(const std::string& id, std::string bytes = "") {
    return {ParcelKind::kJob, id, bytes.empty() ? "order " + id : std::move(bytes)};
  }
  bool Holds(const std::string& agent, const std::string& id, std::string bytes = "") {
    return Await(queue().Holds(agent, Order(id, std::move(bytes)))).value();
  }
  std::size_t Depth(const std::string& agent) { return Await(queue().Depth(agent)).value(); }

  // Where a test puts something between the transport and its parties.
  virtual EventSink& sink() { return panel_; }
  virtual AgentPort& port(const std::string& agent) { return Agent(agent); }
  virtual JobQueue& queue() { return transport_->queue(); }

  std::unique_ptr<net::TaskGroup> MakeTasks() {
    return std::make_unique<net::TaskGroup>(io_.get_executor(), [](std::exception_ptr failure) {
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }

  // Shorter than a poll may wait: what comes only with a poll's end comes too late.
  static constexpr Seconds kDeadline{15};

  struct Running {
    std::unique_ptr<AgentLink> link;
    std::unique_ptr<net::TaskGroup> task;
  };
  boost::asio::io_context io_{1};
  PanelModel panel_;
  std::map<std::string, std::unique_ptr<AgentModel>> agents_;
  std::unique_ptr<TransportUnderTest> transport_;
  std::map<std::string, Running> links_;
  bool panel_runs_ = false;
};

}  // namespace prov::transport
