#include "panel/live/shared_pages.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/sse.hpp"

namespace prov::panel {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::size_t kPageChanges = 64;
// With this much a page is full: a reader that has stopped holds its page.
constexpr std::size_t kPageBytes = 512 * 1024;
// Readers of one job stand at a few places; of many jobs there is nothing to share.
constexpr std::size_t kMostReadings = 16;

}  // namespace

asio::awaitable<Result<SharedPages::Page>> SharedPages::After(Place place,
                                                              SteadyClock::time_point noticed) {
  const auto found = std::ranges::find_if(recent_, [&](const auto& reading) {
    return reading->began > noticed && reading->place == place;
  });
  if (found != recent_.end()) {
    const auto reading = *found;
    while (!reading->outcome)
      co_await reading->done.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return *reading->outcome;
  }
  const auto now = SteadyClock::now();
  const auto reading = std::make_shared<Reading>(Reading{
      std::move(place), now,
      asio::steady_timer(co_await asio::this_coro::executor, SteadyClock::time_point::max()),
      std::nullopt});
  recent_.push_front(reading);
  if (recent_.size() > kMostReadings) recent_.pop_back();
  auto page = co_await Read(reading->place);
  // A failure is for those who waited for it; who comes later asks anew.
  if (!page) std::erase(recent_, reading);
  reading->outcome = page;
  reading->done.cancel();
  co_return page;
}

asio::awaitable<Result<SharedPages::Page>> SharedPages::Read(const Place& place) {
  auto changes = co_await store_.Read(
      [actor = place.actor, job = place.job, seq = place.at.seq](store::Transaction& t) {
        return t.changes().After(actor, job, seq, kPageChanges);
      });
  if (!changes) co_return changes.error();
  auto page = std::make_shared<StreamPage>();
  page->last = changes->size() < kPageChanges;
  const auto job = place.named ? std::optional(place.job) : std::nullopt;
  std::size_t bytes = 0;
  const auto add = [&](const StreamFrame& frame) {
    auto data = FrameJson(frame, job);
    bytes += data.size();
    net::BodyStream::Piece event;
    if (!place.named) {
      event = std::make_shared<const net::BodyPiece>(net::FormatSse(
          {.id = FormatPosition(frame.position), .event = {}, .data = std::exchange(data, {})}));
    }
    page->frames.push_back({frame.position, std::move(data), std::move(event)});
  };
  FrameMaker maker(place.at);
  for (auto& change : *changes) {
    if (bytes >= kPageBytes) {
      page->last = false;
      break;
    }
    const auto status = change.status;
    maker.Load(std::move(change));
    while (auto frame = maker.Next()) {
      add(*frame);
      if (bytes < kPageBytes) continue;
      // One change may be many pages; the frame's position says how far it went.
      page->last = false;
      co_return page;
    }
    page->status = status;
  }
  if (auto frame = maker.Flush()) add(*frame);
  co_return page;
}

}  // namespace prov::panel
