// A transport that loses, doubles, reorders and delays, as far as the interfaces allow it: put
// between a good transport and its parties. Everything it does follows from its seed.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "transport/queue.hpp"

namespace prov::transport {

// Yes once in `one_in` times.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  bool Roll(unsigned one_in) { return Below(one_in) == 0; }
  std::size_t Below(std::size_t count) { return engine_() % count; }

 private:
  std::mt19937 engine_;
};

// Pushes that say yes and are lost, that are queued late and in another order, or refused.
class MisbehavingQueue final : public JobQueue {
 public:
  MisbehavingQueue(std::function<JobQueue&()> inner, Dice& dice)
      : inner_(std::move(inner)), dice_(dice) {}

  boost::asio::awaitable<Status> Push(std::string agent, Parcel parcel) override {
    if (dice_.Roll(10)) co_return Error{ErrorCode::kUnavailable, "the queue is away", {}};
    if (dice_.Roll(10)) co_return Error{ErrorCode::kExhausted, "the queue is full", {}};
    if (dice_.Roll(4)) co_return Status();
    late_.emplace_back(std::move(agent), std::move(parcel));
    while (!late_.empty() && !dice_.Roll(3)) {
      std::swap(late_[dice_.Below(late_.size())], late_.back());
      auto [to, next] = std::move(late_.back());
      late_.pop_back();
      PROV_CO_CHECK(co_await inner_().Push(std::move(to), std::move(next)));
    }
    co_return Status();
  }
  boost::asio::awaitable<Result<bool>> Holds(std::string agent, Parcel parcel) override {
    if (dice_.Roll(10)) co_return Error{ErrorCode::kUnavailable, "the queue is away", {}};
    co_return co_await inner_().Holds(std::move(agent), std::move(parcel));
  }
  boost::asio::awaitable<Result<std::size_t>> Depth(std::string agent) override {
    co_return co_await inner_().Depth(std::move(agent));
  }

 private:
  std::function<JobQueue&()> inner_;
  Dice& dice_;
  std::vector<std::pair<std::string, Parcel>> late_;
};

// Events lost, doubled, in another order, cut into pieces, kept for later; acknowledgements lost,
// or old ones given.
class MisbehavingSink final : public EventSink {
 public:
  MisbehavingSink(EventSink& inner, Dice& dice) : inner_(inner), dice_(dice) {}

  boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                      std::vector<std::string> events) override {
    if (dice_.Roll(8)) co_return Error{ErrorCode::kUnavailable, "on the way", {}};
    if (dice_.Roll(8)) co_return std::string();
    auto& late = late_[agent];
    if (dice_.Roll(6)) {
      late.insert(late.end(), events.begin(), events.end());
      co_return std::string();
    }
    if (dice_.Roll(4)) events.insert(events.end(), late.begin(), late.end());
    if (dice_.Roll(4)) std::swap(events[dice_.Below(events.size())], events.back());
    if (dice_.Roll(4)) events.resize(1 + dice_.Below(events.size()));
    if (dice_.Roll(4)) PROV_CO_CHECK(co_await inner_.Deliver(agent, events));
    PROV_CO_TRY(auto ack, co_await inner_.Deliver(agent, std::move(events)));
    if (dice_.Roll(5)) co_return std::string();
    if (dice_.Roll(5)) std::swap(ack, old_ack_[agent]);
    co_return ack;
  }
  void Seen(const std::string& agent) override { inner_.Seen(agent); }

 private:
  EventSink& inner_;
  Dice& dice_;
  std::map<std::string, std::vector<std::string>> late_;
  std::map<std::string, std::string> old_ack_;
};

// Parcels handed over twice, or an old one again. They are never lost here: a port that said yes
// has the parcel.
class MisbehavingPort final : public AgentPort {
 public:
  MisbehavingPort(AgentPort& inner, Dice& dice) : inner_(inner), dice_(dice) {}

  boost::asio::awaitable<Status> Take(std::string parcel) override {
    if (dice_.Roll(8)) co_return Error{ErrorCode::kUnavailable, "on the way", {}};
    seen_.push_back(parcel);
    if (dice_.Roll(3)) PROV_CO_CHECK(co_await inner_.Take(parcel));
    if (dice_.Roll(3)) PROV_CO_CHECK(co_await inner_.Take(seen_[dice_.Below(seen_.size())]));
    co_return co_await inner_.Take(std::move(parcel));
  }
  boost::asio::awaitable<Result<std::vector<Event>>> Events(std::uint64_t from,
                                                            std::size_t most_bytes) override {
    // Again from further back, and fewer than there are.
    if (dice_.Roll(4)) from -= dice_.Below(from);
    return inner_.Events(from, dice_.Roll(3) ? 1 : most_bytes);
  }
  std::uint64_t last_event() const override { return inner_.last_event(); }
  std::uint64_t acknowledged() const override { return inner_.acknowledged(); }
  boost::asio::awaitable<void> Changed() override { return inner_.Changed(); }

 private:
  AgentPort& inner_;
  Dice& dice_;
  std::vector<std::string> seen_;
};

}  // namespace prov::transport
