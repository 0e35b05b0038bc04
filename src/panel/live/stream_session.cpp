#include "panel/live/stream_session.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/json.hpp"
#include "net/sse.hpp"

namespace prov::panel {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

namespace {

// A round of one stream costs about 15 us, so that thousands of them leave the processor to others.
constexpr std::chrono::microseconds kPerStream{35};

// Counts the stream, and lets LiveStreams::Close end it.
template <class Map>
class Registered {
 public:
  Registered(Map& open, std::uint64_t id, std::function<void()> end) : open_(open), id_(id) {
    open_.emplace(id_, std::move(end));
  }
  Registered(const Registered&) = delete;
  ~Registered() { open_.erase(id_); }

 private:
  Map& open_;
  std::uint64_t id_;
};

// Takes back at its end what a session asked of the beat.
class Asking {
 public:
  Asking(Beat& beat, const Beat::Sleeper& sleeper) : beat_(beat), sleeper_(sleeper) {}
  Asking(const Asking&) = delete;
  ~Asking() { beat_.TakeBack(sleeper_); }

 private:
  Beat& beat_;
  const Beat::Sleeper& sleeper_;
};

bool IsSettled(job::Status status) { return !job::IsActive(status); }

}  // namespace

StreamSession::StreamSession(std::shared_ptr<const LiveDependencies> dependencies,
                             StreamSubject subject)
    : dependencies_(std::move(dependencies)),
      actor_(std::move(subject.actor)),
      several_(subject.several),
      topics_(subject.jobs_topic, subject.servers_topic) {
  // Nobody tells a new stream what changed before it: what it reads must not be older than itself.
  const auto now = SteadyClock::now();
  for (const auto& job : subject.jobs)
    followers_.push_back({.job = job.position.job,
                          .at = job.position.at,
                          .pending = !job.settled,
                          .noticed = now,
                          .settled = job.settled});
}

void StreamSession::Notice(const LiveHub::Notice& notice) {
  using About = LiveHub::Notice::About;
  bool mine = topics_.Changed(notice);
  for (auto& follower : followers_) {
    const bool about = notice.about == About::kAnything ||
                       (notice.about == About::kJob && notice.job == follower.job);
    if (!about) continue;
    follower.pending = true;
    follower.noticed = SteadyClock::now();
    mine = true;
  }
  if (!mine || std::exchange(asked_, true)) return;
  auto& streams = dependencies_->streams;
  const auto length =
      std::max<SteadyClock::duration>(dependencies_->limits.batch, streams.open() * kPerStream);
  streams.beat_.Ask(timer_->get_executor(), length, *this);
}

void StreamSession::Wake() {
  asked_ = false;
  due_ = true;
  timer_->cancel();
}

asio::awaitable<void> StreamSession::Run(std::shared_ptr<net::BodyStream> body) {
  auto& streams = dependencies_->streams;
  if (streams.closed_) co_return;
  body_ = std::move(body);
  timer_.emplace(co_await asio::this_coro::executor);
  const Registered registered(streams.open_, streams.next_++, [this] {
    body_->End();
    timer_->cancel();
  });
  const Asking asking(streams.beat_, *this);
  // Before the first look, so that no change falls between.
  const auto subscription =
      dependencies_->hub.Subscribe([this](const LiveHub::Notice& notice) { Notice(notice); });
  looked_ = SteadyClock::now();
  // An EventSource then comes back after a second, not after its own three or five.
  if (!co_await Send("retry: 1000\n\n")) co_return;
  const auto until = SteadyClock::now() + dependencies_->limits.lifetime;
  while (body_->open() && SteadyClock::now() < until) {
    const auto outcome = co_await Round();
    if (outcome == Outcome::kGone || Over()) co_return;
    if (outcome == Outcome::kStoreFailed) {
      const auto again = SteadyClock::now() + dependencies_->limits.retry;
      while (body_->open() && SteadyClock::now() < again) co_await WaitUntil(again);
      if (!co_await Comment()) co_return;
    } else {
      co_await Pause();
    }
  }
}

asio::awaitable<StreamSession::Outcome> StreamSession::Round() {
  for (auto& follower : followers_) {
    if (!follower.pending) continue;
    const auto outcome = co_await CatchUp(follower);
    if (outcome != Outcome::kGoOn) co_return outcome;
  }
  co_return co_await SendTopics();
}

asio::awaitable<StreamSession::Outcome> StreamSession::CatchUp(Follower& follower) {
  while (body_->open()) {
    follower.pending = false;
    const auto page = co_await dependencies_->pages->After(
        {actor_, follower.job, follower.at, several_}, follower.noticed);
    if (!page) {
      // Ending here would end an EventSource for good: the next answer would be no stream.
      follower.pending = true;
      if (dependencies_->on_error) dependencies_->on_error(page.error());
      co_return Outcome::kStoreFailed;
    }
    for (const auto& frame : (*page)->frames) {
      follower.at = frame.position;
      const bool sent =
          frame.event ? co_await Send(frame.event) : co_await SendData(AllPositions(), frame.data);
      if (!sent) co_return Outcome::kGone;
    }
    if ((*page)->status) follower.settled = IsSettled(*(*page)->status);
    if ((*page)->last) co_return Outcome::kGoOn;
  }
  co_return Outcome::kGone;
}

asio::awaitable<StreamSession::Outcome> StreamSession::SendTopics() {
  for (auto& frame : topics_.TakeGeneral()) {
    if (!co_await SendData(AllPositions(), json::Serialize(frame))) co_return Outcome::kGone;
  }
  const auto jobs = topics_.TakeJobs();
  if (jobs.empty()) co_return Outcome::kGoOn;
  using Records = std::vector<job::Record>;
  auto records = co_await dependencies_->store.Read(
      [actor = actor_, jobs](store::Transaction& t) -> Result<Records> {
        Records found;
        for (const auto& job : jobs) {
          auto record = t.jobs().Get(actor, job);
          if (record) {
            found.push_back(std::move(*record));
          } else if (record.error().code != ErrorCode::kNotFound) {
            return std::move(record).error();
          }
        }
        return found;
      });
  if (!records) {
    topics_.PutBack(jobs);
    if (dependencies_->on_error) dependencies_->on_error(records.error());
    co_return Outcome::kStoreFailed;
  }
  for (const auto& record : *records) {
    auto frame = topics_.Show(record);
    if (frame && !co_await SendData(AllPositions(), json::Serialize(*frame)))
      co_return Outcome::kGone;
  }
  co_return Outcome::kGoOn;
}

asio::awaitable<bool> StreamSession::SendData(std::string id, std::string data) {
  co_return co_await Send(
      net::FormatSse({.id = std::move(id), .event = {}, .data = std::move(data)}));
}

// Waits while the reader owes too much: it then gets the rest from the store, and the connection's
// write deadline drops a reader that has stopped.
asio::awaitable<bool> StreamSession::Send(net::BodyStream::Piece piece) {
  const bool sent = co_await body_->Send(std::move(piece));
  last_sent_ = SteadyClock::now();
  co_return sent;
}

asio::awaitable<bool> StreamSession::Send(std::string bytes) {
  co_return co_await Send(std::make_shared<const net::BodyPiece>(std::move(bytes)));
}

asio::awaitable<bool> StreamSession::Comment() {
  if (SteadyClock::now() < last_sent_ + dependencies_->limits.comment) co_return true;
  co_return co_await Send(net::FormatSseComment("still here"));
}

asio::awaitable<void> StreamSession::Pause() {
  const auto interval = dependencies_->limits.comment;
  while (body_->open() && !due_ && SteadyClock::now() < looked_ + interval) {
    const auto next = std::min(last_sent_, looked_) + interval;
    if (SteadyClock::now() < next) {
      co_await WaitUntil(next);
    } else if (!co_await Comment()) {
      co_return;
    }
  }
  due_ = false;
  // However much there is to say of one job, another may have changed.
  if (SteadyClock::now() >= looked_ + interval) LookAgain();
}

void StreamSession::LookAgain() {
  looked_ = SteadyClock::now();
  for (auto& follower : followers_) {
    follower.pending = true;
    follower.noticed = looked_;
  }
}

asio::awaitable<void> StreamSession::WaitUntil(SteadyClock::time_point time) {
  timer_->expires_at(time);
  co_await timer_->async_wait(asio::as_tuple(asio::use_awaitable));
}

bool StreamSession::Over() const {
  return !topics_.any() && std::all_of(followers_.begin(), followers_.end(),
                                       [](const Follower& f) { return f.settled && !f.pending; });
}

std::string StreamSession::AllPositions() const {
  std::vector<JobPosition> positions;
  positions.reserve(followers_.size());
  for (const auto& follower : followers_) positions.push_back({follower.job, follower.at});
  return FormatPositions(positions);
}

}  // namespace prov::panel
