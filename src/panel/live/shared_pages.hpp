// What follows a position of a job, read from the store and written out once for all streams that
// stand there: thousands of readers of one job cost one reading. Single-threaded.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/body_stream.hpp"
#include "panel/live/stream_frame.hpp"
#include "panel/store_gate.hpp"
#include "store/actor.hpp"

namespace prov::panel {

struct StreamPage {
  struct Frame {
    StreamPosition position;       // after it
    std::string data;              // JSON, where frames say which job is meant
    net::BodyStream::Piece event;  // else: the whole event, which is the same for all
  };
  std::vector<Frame> frames;
  std::optional<job::Status> status;  // after the last of them; nothing: there were none
  bool last = true;                   // there was no more
};

class SharedPages {
 public:
  using Page = std::shared_ptr<const StreamPage>;
  struct Place {
    store::Actor actor;  // a page is for those who may see the same
    Uuid job;
    StreamPosition at;
    bool named = false;  // the frames say which job is meant
    bool operator==(const Place&) const = default;
  };

  explicit SharedPages(StoreGate& store) : store_(store) {}

  // A page whose reading began after `noticed`, so that what was noticed by then is in it. Errors
  // are the store's.
  boost::asio::awaitable<Result<Page>> After(Place place,
                                             std::chrono::steady_clock::time_point noticed);

 private:
  struct Reading {
    Place place;
    std::chrono::steady_clock::time_point began;
    boost::asio::steady_timer done;  // never expires; cancelled when the outcome is there
    std::optional<Result<Page>> outcome;
  };

  boost::asio::awaitable<Result<Page>> Read(const Place& place);

  StoreGate& store_;
  std::deque<std::shared_ptr<Reading>> recent_;  // the newest first
};

}  // namespace prov::panel
