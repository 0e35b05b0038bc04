#include "agent/net/channel_port.hpp"

#include <array>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "job/order.hpp"

namespace prov::agent {
namespace {

namespace asio = boost::asio;

// One byte more than the executor takes, whatever it is: what is longer is cut here and refused
// there. Whole it would be in no frame; the channel would end with it, and it would come again.
constexpr std::size_t kMostOfParcel = job::kMaxEnvelopeBytes + 1;
static_assert(kMostOfParcel < kMaxFrameBytes / 2);

Error Gone() { return {ErrorCode::kUnavailable, "the executor has gone", {}}; }

}  // namespace

ChannelPort::ChannelPort(asio::local::stream_protocol::socket socket)
    : socket_(std::move(socket)),
      answered_(socket_.get_executor()),
      changed_(socket_.get_executor()),
      writable_(socket_.get_executor()) {}

asio::awaitable<void> ChannelPort::Read() {
  FrameReader reader;
  std::array<char, 65536> buffer;
  while (!gone_) {
    const auto [fault, got] =
        co_await socket_.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    gone_ = static_cast<bool>(fault);
    reader.Feed({buffer.data(), got});
    for (Message message; !gone_;) {
      const auto next = reader.Next(message);
      gone_ = !next;
      if (gone_ || !*next) break;
      Handle(std::move(message));
    }
  }
  answered_.Notify();
  changed_.Notify();
  writable_.Notify();
}

void ChannelPort::Handle(Message message) {
  if (const auto* taken = std::get_if<ParcelTaken>(&message)) {
    taken_ = std::max(taken_, taken->number);
    answered_.Notify();
  } else if (auto* events = std::get_if<SignedEvents>(&message)) {
    events_[++answers_] = std::move(*events);
    answered_.Notify();
  } else if (const auto* state = std::get_if<OutboxState>(&message)) {
    state_ = *state;
    changed_.Notify();
  }
}

void ChannelPort::Queue(const Message& message) {
  AppendFrame(outgoing_, message);
  writable_.Notify();
}

asio::awaitable<void> ChannelPort::Write() {
  while (!gone_) {
    if (outgoing_.empty()) {
      co_await writable_.Wait();
      continue;
    }
    const auto bytes = std::exchange(outgoing_, {});
    const auto [fault, sent] = co_await asio::async_write(socket_, asio::buffer(bytes),
                                                          asio::as_tuple(asio::use_awaitable));
    if (fault) gone_ = true;
  }
}

asio::awaitable<Status> ChannelPort::Take(std::string parcel) {
  parcel.resize(std::min(parcel.size(), kMostOfParcel));
  const auto number = next_number_++;
  Queue(TakeParcel{number, std::move(parcel)});
  while (!gone_ && taken_ < number) co_await answered_.Wait();
  if (taken_ >= number) co_return Status();
  co_return Gone();
}

asio::awaitable<Result<std::vector<transport::AgentPort::Event>>> ChannelPort::Events(
    std::uint64_t from, std::size_t most_bytes) {
  const auto number = ++wants_;
  Queue(WantEvents{from, static_cast<std::uint32_t>(most_bytes)});
  while (!gone_ && !events_.contains(number)) co_await answered_.Wait();
  if (!events_.contains(number)) co_return Gone();
  auto answer = std::move(events_.extract(number).mapped());
  std::vector<Event> events;
  for (auto& bytes : answer.events) {
    const auto seq = answer.first + events.size();
    events.push_back({seq, std::move(bytes)});
  }
  co_return events;
}

asio::awaitable<void> ChannelPort::Changed() { co_await changed_.Wait(); }

}  // namespace prov::agent
