#include "panel/live/job_feed.hpp"

#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

namespace prov::panel {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

namespace {

// So many are told in one turn of the loop, some two milliseconds; then others have theirs.
constexpr std::size_t kInOneTurn = 200;
constexpr int kSpare = 5;

}  // namespace

JobFeed::JobFeed(JobFeeds& feeds, Key key) : feeds_(feeds), key_(std::move(key)) {
  feeds_.feeds_.emplace(key_.job, this);
  subscription_ = feeds_.hub_.Subscribe([this](const LiveHub::Notice& notice) {
    using About = LiveHub::Notice::About;
    const bool about =
        notice.about == About::kAnything || (notice.about == About::kJob && notice.job == key_.job);
    if (about) Notice();
  });
}

JobFeed::~JobFeed() {
  if (asked_) feeds_.beat_.TakeBack(*this);
  std::erase_if(feeds_.feeds_, [this](const auto& entry) { return entry.second == this; });
}

void JobFeed::Join(Reader& reader, const StreamPosition& at, const Heard& knows) {
  places_[at].push_back(reader);
  if (knows.notices != heard_.notices) Notice();
}

void JobFeed::LookAgain() {
  // Its streams ask one after another; one look is for all of them.
  if (SteadyClock::now() >= looked_ + feeds_.limits_.comment / 2) Notice();
}

void JobFeed::Notice() {
  ++heard_.notices;
  heard_.last = SteadyClock::now();
  if (!std::exchange(asked_, true)) feeds_.beat_.Ask(feeds_.executor_, feeds_.limits_.batch, *this);
}

void JobFeed::Wake() {
  asked_ = false;
  due_ = true;
  if (std::exchange(telling_, true)) return;
  if (feeds_.tasks_.Spawn(Run(shared_from_this())) == 0) telling_ = false;
}

asio::awaitable<void> JobFeed::Run(std::shared_ptr<JobFeed> self) {
  struct End {
    bool& telling;
    ~End() { telling = false; }
  };
  const End end{self->telling_};
  while (std::exchange(self->due_, false)) co_await self->TellAll();
}

// Those who are furthest behind come first, some at a time, with all that there is by then: so
// nobody waits until all others are told, however many they are, and those who were told together
// stay together.
asio::awaitable<void> JobFeed::TellAll() {
  looked_ = SteadyClock::now();
  std::optional<StreamPosition> end;  // who stands there or beyond was told in this round
  while (!places_.empty()) {
    const auto place = places_.begin();
    if (place->second.empty()) {
      places_.erase(place);
      continue;
    }
    if (end && place->first >= *end) co_return;
    // Whoever joins behind it meanwhile knows what was heard by then, or has asked for another
    // round.
    const auto page =
        co_await feeds_.pages_.After({key_.actor, key_.job, place->first, key_.named}, heard_.last);
    if (!page) co_return Abandon();
    if ((*page)->frames.empty()) co_return;
    if (!end && (*page)->last) end = (*page)->frames.back().position;
    const auto began = SteadyClock::now();
    TellSome(place->second, **page);
    if (place->second.empty()) places_.erase(place);
    co_await GiveWay(SteadyClock::now() - began);
  }
}

void JobFeed::TellSome(Readers& from, const StreamPage& page) {
  auto& to = places_[page.frames.back().position];
  for (std::size_t told = 0; told < kInOneTurn && !from.empty(); ++told) {
    auto& reader = from.front();
    from.pop_front();
    if (reader.Take(page)) to.push_back(reader);
  }
}

// After so much work others have their turn, and a part of the time for themselves.
asio::awaitable<void> JobFeed::GiveWay(SteadyClock::duration worked) {
  asio::steady_timer timer(feeds_.executor_, worked / kSpare);
  co_await timer.async_wait(asio::as_tuple(asio::deferred));
}

void JobFeed::Abandon() {
  for (auto& [at, readers] : std::exchange(places_, {})) {
    while (!readers.empty()) {
      auto& reader = readers.front();
      readers.pop_front();
      reader.Abandon();
    }
  }
}

JobFeeds::JobFeeds(asio::any_io_executor executor, StoreGate& store, LiveHub& hub,
                   const LiveLimits& limits, net::TaskGroup::OnFailure on_failure)
    : executor_(executor),
      hub_(hub),
      limits_(limits),
      pages_(store),
      tasks_(executor, std::move(on_failure)) {}

std::shared_ptr<JobFeed> JobFeeds::Of(const JobFeed::Key& key) {
  const auto [first, last] = feeds_.equal_range(key.job);
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second->key() == key) return entry->second->shared_from_this();
  }
  return std::make_shared<JobFeed>(*this, key);
}

asio::awaitable<void> JobFeeds::Stop() {
  tasks_.Close();
  co_await tasks_.Wait();
}

}  // namespace prov::panel
