// One open stream: some jobs, or topics, followed for one client. Single-threaded.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

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
  struct Follower {
    Uuid job;
    StreamPosition at;
    bool pending = true;                            // there may be something to read
    std::chrono::steady_clock::time_point noticed;  // when that was said last
    bool settled = false;  // its last frame had a terminal or parked status
  };
  enum class Outcome { kGoOn, kStoreFailed, kGone };

  void Notice(const LiveHub::Notice& notice);  // the hub's: something has changed
  void Wake() override;                        // at the next moment after that
  boost::asio::awaitable<Outcome> Round();
  boost::asio::awaitable<Outcome> CatchUp(Follower& follower);
  boost::asio::awaitable<Outcome> SendTopics();
  boost::asio::awaitable<bool> SendData(std::string id, std::string data);
  boost::asio::awaitable<bool> Send(net::BodyStream::Piece piece);
  boost::asio::awaitable<bool> Send(std::string bytes);
  // Breaks a silence that has been long enough. False: the client has gone.
  boost::asio::awaitable<bool> Comment();
  // For something to have changed, or the time to look again; sends comments meanwhile.
  boost::asio::awaitable<void> Pause();
  // Another panel may have changed a job, and nobody here was told.
  void LookAgain();
  boost::asio::awaitable<void> WaitUntil(std::chrono::steady_clock::time_point time);
  bool Over() const;
  std::string AllPositions() const;

  std::shared_ptr<const LiveDependencies> dependencies_;
  store::Actor actor_;
  bool several_;
  std::vector<Follower> followers_;
  Topics topics_;
  std::shared_ptr<net::BodyStream> body_;
  std::optional<boost::asio::steady_timer> timer_;
  std::chrono::steady_clock::time_point last_sent_{};
  std::chrono::steady_clock::time_point looked_{};  // at every job, told or not
  bool asked_ = false;                              // the beat, which has not come yet
  bool due_ = false;                                // it came: there may be something to read
};

}  // namespace prov::panel
