// One open stream: some jobs, or topics, followed for one client. Single-threaded.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include "panel/live/job_feed.hpp"
#include "panel/live/live_routes.hpp"
#include "panel/live/stream_frame.hpp"
#include "panel/live/topics.hpp"

namespace prov::panel {

// What a stream shows.
struct StreamSubject {
  struct Job {
    JobPosition position;
    bool settled = false;  // over, and everything was read
  };
  store::Actor actor;
  std::vector<Job> jobs;
  bool several = false;  // frames name their job, and ids are positions over all of them
  bool jobs_topic = false;
  bool servers_topic = false;
};

class StreamSession final : private Beat::Sleeper {
 public:
  StreamSession(std::shared_ptr<const LiveDependencies> dependencies, StreamSubject subject);

  // Until every job is settled (over and read, or parked and told), the client has gone, the
  // streams are closed, or its lifetime is over. The session outlives it.
  boost::asio::awaitable<void> Run(std::shared_ptr<net::BodyStream> body);

 private:
  // One job, which is read until all is told; from then on it is fed.
  struct Follower final : JobFeed::Reader {
    Follower(StreamSession& of, const StreamSubject::Job& job);
    bool Take(const StreamPage& page) override { return session->TakePage(*this, page); }
    void Abandon() override { session->ReadAgain(*this); }

    StreamSession* session;
    Uuid job;
    StreamPosition at;
    bool pending;  // there may be something to read
    bool settled;  // its last frame had a terminal or parked status
    std::shared_ptr<JobFeed> feed;
  };
  enum class Outcome { kGoOn, kStoreFailed, kGone };

  bool TakePage(Follower& follower, const StreamPage& page);
  void ReadAgain(Follower& follower);
  void Leave();  // all feeds
  void Rouse();  // there is something to do
  void Wake() override;
  boost::asio::awaitable<Outcome> Round();
  boost::asio::awaitable<Outcome> CatchUp(Follower& follower);
  boost::asio::awaitable<Outcome> SendTopics();
  // To be sent to who stands at the frame's position.
  net::BodyStream::Piece Event(const StreamPage::Frame& frame) const;
  boost::asio::awaitable<bool> Send(net::BodyStream::Piece piece);
  boost::asio::awaitable<bool> SendData(std::string data);
  // Breaks a silence that has been long enough. False: the client has gone.
  boost::asio::awaitable<bool> Comment();
  // For something to have changed, or the time to look again; sends comments meanwhile.
  boost::asio::awaitable<void> Pause();
  // Awaited at once: until then, or until it is roused.
  auto Until(std::chrono::steady_clock::time_point time) {
    timer_->expires_at(time);
    return timer_->async_wait(boost::asio::as_tuple(boost::asio::deferred));
  }
  bool Over() const;
  std::string AllPositions() const;

  std::shared_ptr<const LiveDependencies> dependencies_;
  store::Actor actor_;
  bool several_;
  std::chrono::steady_clock::time_point opened_;
  std::vector<Follower> followers_;  // does not grow: feeds point into it
  Topics topics_;
  std::shared_ptr<net::BodyStream> body_;
  std::optional<boost::asio::steady_timer> timer_;
  std::chrono::steady_clock::time_point last_sent_{};
  std::chrono::steady_clock::time_point looked_{};  // at every job, told or not
  bool asked_ = false;                              // for a moment, which has not come yet
  bool due_ = false;                                // there may be something to do
  bool pausing_ = false;                            // nothing else is being sent
};

}  // namespace prov::panel
