// The executor, as the net role sees it: the transport's port over the socketpair. Single-threaded.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>

#include "agent/channel.hpp"
#include "net/event.hpp"
#include "transport/queue.hpp"

namespace prov::agent {

class ChannelPort final : public transport::AgentPort {
 public:
  explicit ChannelPort(boost::asio::local::stream_protocol::socket socket);

  // Reads what the executor says until it has gone.
  boost::asio::awaitable<void> Read();
  // Writes what is queued for it, for ever.
  boost::asio::awaitable<void> Write();

  boost::asio::awaitable<Status> Take(std::string parcel) override;
  boost::asio::awaitable<Result<std::vector<Event>>> Events(std::uint64_t from,
                                                            std::size_t most_bytes) override;
  std::uint64_t last_event() const override { return state_.last; }
  std::uint64_t acknowledged() const override { return state_.acknowledged; }
  boost::asio::awaitable<void> Changed() override;

 private:
  void Queue(const Message& message);
  void Handle(Message message);

  boost::asio::local::stream_protocol::socket socket_;
  net::Event answered_;
  net::Event changed_;
  net::Event writable_;
  std::string outgoing_;
  OutboxState state_;
  std::uint64_t next_number_ = 1;
  std::uint64_t taken_ = 0;                       // the executor answers in order
  std::uint64_t wants_ = 0;                       // requests for events made
  std::uint64_t answers_ = 0;                     // and answered
  std::map<std::uint64_t, SignedEvents> events_;  // by the number of the request
  bool gone_ = false;
};

}  // namespace prov::agent
