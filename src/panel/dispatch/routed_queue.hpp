// Several transports as one queue: what is for an agent goes over the one by which it was heard
// last. What was left in another one is not delivered by it; the reconciler finds that this queue
// does not hold it, and sends it again.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "transport/queue.hpp"

namespace prov::panel {

class RoutedQueue final : public transport::JobQueue {
 public:
  // One transport: its panel end delivers to this.
  class Route final : public transport::EventSink {
   public:
    explicit Route(RoutedQueue& owner) : owner_(owner) {}
    // Before the first agent is heard over it.
    void Use(transport::JobQueue& queue) { queue_ = &queue; }
    boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                        std::vector<std::string> events) override;
    void Seen(const std::string& agent) override;

   private:
    friend class RoutedQueue;
    RoutedQueue& owner_;
    transport::JobQueue* queue_ = nullptr;
  };

  // `sink` outlives it.
  explicit RoutedQueue(transport::EventSink& sink) : sink_(sink) {}
  // One more; it stays where it is.
  Route& Add() { return routes_.emplace_back(*this); }

  // kUnavailable for an agent that was not heard yet.
  boost::asio::awaitable<Status> Push(std::string agent, transport::Parcel parcel) override;
  boost::asio::awaitable<Result<bool>> Holds(std::string agent, transport::Parcel parcel) override;
  boost::asio::awaitable<Result<std::size_t>> Depth(std::string agent) override;

 private:
  Result<transport::JobQueue*> QueueOf(const std::string& agent) const;

  transport::EventSink& sink_;
  std::deque<Route> routes_;
  std::map<std::string, const Route*> last_;  // by agent
};

}  // namespace prov::panel
