#include "panel/dispatch/routed_queue.hpp"

namespace prov::panel {

namespace asio = boost::asio;

asio::awaitable<Result<std::string>> RoutedQueue::Route::Deliver(std::string agent,
                                                                 std::vector<std::string> events) {
  return owner_.sink_.Deliver(std::move(agent), std::move(events));
}

void RoutedQueue::Route::Seen(const std::string& agent) {
  owner_.last_[agent] = this;
  owner_.sink_.Seen(agent);
}

Result<transport::JobQueue*> RoutedQueue::QueueOf(const std::string& agent) const {
  const auto found = last_.find(agent);
  if (found != last_.end()) return found->second->queue_;
  return Error{ErrorCode::kUnavailable, agent + " was not heard yet", {}};
}

asio::awaitable<Status> RoutedQueue::Push(std::string agent, transport::Parcel parcel) {
  PROV_CO_TRY(auto* queue, QueueOf(agent));
  co_return co_await queue->Push(std::move(agent), std::move(parcel));
}

asio::awaitable<Result<bool>> RoutedQueue::Holds(std::string agent, transport::Parcel parcel) {
  PROV_CO_TRY(auto* queue, QueueOf(agent));
  co_return co_await queue->Holds(std::move(agent), std::move(parcel));
}

asio::awaitable<Result<std::size_t>> RoutedQueue::Depth(std::string agent) {
  PROV_CO_TRY(auto* queue, QueueOf(agent));
  co_return co_await queue->Depth(std::move(agent));
}

}  // namespace prov::panel
