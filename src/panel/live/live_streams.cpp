#include "panel/live/live_streams.hpp"

#include <algorithm>
#include <utility>

namespace prov::panel {

namespace {

// A round costs about 15 us for each stream that is woken for it, so that thousands of them leave
// the processor to others.
constexpr std::chrono::microseconds kPerStream{35};

}  // namespace

LiveStreams::Open::Open(LiveStreams& streams, std::function<void()> end)
    : streams_(streams), id_(streams.next_++) {
  streams_.open_.emplace(id_, std::move(end));
}

LiveStreams::Open::~Open() { streams_.open_.erase(id_); }

void LiveStreams::Close() {
  closed_ = true;
  for (const auto& [id, end] : open_) end();
}

void LiveStreams::AskToLook(const boost::asio::any_io_executor& executor, Beat::Sleeper& sleeper) {
  using Duration = std::chrono::steady_clock::duration;
  beat_.Ask(executor, std::max<Duration>(limits_.batch, open() * kPerStream), sleeper);
}

}  // namespace prov::panel
