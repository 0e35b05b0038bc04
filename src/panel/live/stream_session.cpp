#include "panel/live/stream_session.hpp"

#include <algorithm>
#include <utility>

#include "base/json.hpp"
#include "net/sse.hpp"

namespace prov::panel {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

namespace {

// Does something at the end of a block.
template <class Fn>
class AtEnd {
 public:
  explicit AtEnd(Fn fn) : fn_(std::move(fn)) {}
  AtEnd(const AtEnd&) = delete;
  ~AtEnd() { fn_(); }

 private:
  Fn fn_;
};

bool IsSettled(job::Status status) { return !job::IsActive(status); }

}  // namespace

StreamSession::Follower::Follower(StreamSession& of, const StreamSubject::Job& subject)
    : session(&of),
      job(subject.position.job),
      at(subject.position.at),
      pending(!subject.settled),
      settled(subject.settled) {}

StreamSession::StreamSession(std::shared_ptr<const LiveDependencies> dependencies,
                             StreamSubject subject)
    : dependencies_(std::move(dependencies)),
      actor_(std::move(subject.actor)),
      several_(subject.several),
      opened_(SteadyClock::now()),
      topics_(subject.jobs_topic, subject.servers_topic) {
  followers_.reserve(subject.jobs.size());
  for (const auto& job : subject.jobs) followers_.emplace_back(*this, job);
}

// Between two frames of its own only: what is told in turns would come in another order than its
// positions say.
bool StreamSession::TakePage(Follower& follower, const StreamPage& page) {
  for (const auto& frame : page.frames) {
    const auto before = std::exchange(follower.at, frame.position);
    if (pausing_ && body_->TrySend(Event(frame))) continue;
    follower.at = before;
    ReadAgain(follower);
    return false;
  }
  last_sent_ = SteadyClock::now();
  if (page.status) follower.settled = IsSettled(*page.status);
  if (follower.settled) Rouse();
  return true;
}

void StreamSession::ReadAgain(Follower& follower) {
  follower.pending = true;
  Rouse();
}

void StreamSession::Rouse() {
  due_ = true;
  timer_->cancel();
}

void StreamSession::Wake() {
  asked_ = false;
  Rouse();
}

void StreamSession::Leave() {
  for (auto& follower : followers_) {
    follower.unlink();
    follower.feed.reset();
  }
}

asio::awaitable<void> StreamSession::Run(std::shared_ptr<net::BodyStream> body) {
  auto& streams = dependencies_->streams;
  if (streams.closed()) co_return;
  body_ = std::move(body);
  timer_.emplace(co_await asio::this_coro::executor);
  const LiveStreams::Open open(streams, [this] {
    body_->End();
    timer_->cancel();
  });
  // Before the first look, so that no change falls between.
  for (auto& follower : followers_)
    follower.feed = dependencies_->feeds.Of({actor_, follower.job, several_});
  const AtEnd leave([this] { Leave(); });
  const AtEnd take_back([this] { dependencies_->streams.TakeBack(*this); });
  LiveHub::Subscription subscription;
  if (topics_.any()) {
    subscription = dependencies_->hub.Subscribe([this](const LiveHub::Notice& notice) {
      if (topics_.Changed(notice) && !std::exchange(asked_, true))
        dependencies_->streams.AskToLook(timer_->get_executor(), *this);
    });
  }
  looked_ = SteadyClock::now();
  // An EventSource then comes back after a second, not after its own three or five.
  if (!co_await Send(std::make_shared<const net::BodyPiece>("retry: 1000\n\n"))) co_return;
  const auto until = SteadyClock::now() + streams.limits().lifetime;
  while (body_->open() && SteadyClock::now() < until) {
    due_ = false;
    const auto outcome = co_await Round();
    if (outcome == Outcome::kGone || Over()) co_return;
    if (outcome == Outcome::kStoreFailed) {
      const auto again = SteadyClock::now() + streams.limits().retry;
      while (body_->open() && SteadyClock::now() < again) co_await Until(again);
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
    const auto heard = follower.feed->heard();
    // Nobody told a new stream what changed before it: what it reads must not be older than itself.
    const auto page = co_await dependencies_->feeds.pages().After(
        {actor_, follower.job, follower.at, several_}, std::max(heard.last, opened_));
    if (!page) {
      // Ending here would end an EventSource for good: the next answer would be no stream.
      if (dependencies_->on_error) dependencies_->on_error(page.error());
      co_return Outcome::kStoreFailed;
    }
    for (const auto& frame : (*page)->frames) {
      follower.at = frame.position;
      if (!co_await Send(Event(frame))) co_return Outcome::kGone;
    }
    if ((*page)->status) follower.settled = IsSettled(*(*page)->status);
    if (!(*page)->last) continue;
    follower.pending = false;
    follower.feed->Join(follower, follower.at, heard);
    co_return Outcome::kGoOn;
  }
  co_return Outcome::kGone;
}

asio::awaitable<StreamSession::Outcome> StreamSession::SendTopics() {
  for (auto& frame : topics_.TakeGeneral()) {
    if (!co_await SendData(json::Serialize(frame))) co_return Outcome::kGone;
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
    if (frame && !co_await SendData(json::Serialize(*frame))) co_return Outcome::kGone;
  }
  co_return Outcome::kGoOn;
}

net::BodyStream::Piece StreamSession::Event(const StreamPage::Frame& frame) const {
  if (frame.event) return frame.event;
  return std::make_shared<const net::BodyPiece>(
      net::FormatSse({.id = AllPositions(), .event = {}, .data = frame.data}));
}

asio::awaitable<bool> StreamSession::SendData(std::string data) {
  co_return co_await Send(std::make_shared<const net::BodyPiece>(
      net::FormatSse({.id = AllPositions(), .event = {}, .data = std::move(data)})));
}

// Waits while the reader owes too much: it then gets the rest from the store, and the connection's
// write deadline drops a reader that has stopped.
asio::awaitable<bool> StreamSession::Send(net::BodyStream::Piece piece) {
  const bool sent = co_await body_->Send(std::move(piece));
  last_sent_ = SteadyClock::now();
  co_return sent;
}

asio::awaitable<bool> StreamSession::Comment() {
  if (SteadyClock::now() < last_sent_ + dependencies_->streams.limits().comment) co_return true;
  co_return co_await Send(
      std::make_shared<const net::BodyPiece>(net::FormatSseComment("still here")));
}

asio::awaitable<void> StreamSession::Pause() {
  const auto interval = dependencies_->streams.limits().comment;
  pausing_ = true;
  const AtEnd resume([this] { pausing_ = false; });
  while (body_->open() && !due_ && SteadyClock::now() < looked_ + interval) {
    const auto next = std::min(last_sent_, looked_) + interval;
    if (SteadyClock::now() < next) {
      co_await Until(next);
    } else if (!co_await Comment()) {
      co_return;
    }
  }
  // Another panel may have changed a job, and nobody here was told; and however much there is to
  // say of one job, another may have changed.
  if (SteadyClock::now() < looked_ + interval) co_return;
  looked_ = SteadyClock::now();
  for (auto& follower : followers_) follower.feed->LookAgain();
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
