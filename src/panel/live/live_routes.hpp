// The live view over HTTP (API.md, "SSE"; docs/api/openapi.yaml): a job's log, a job's stream, and
// several jobs or topics in one stream.
//
// Single-threaded. What is shown is read from the store, always; the hub only says when to look. So
// a stream resumes at any position, on any panel, without a gap or a double.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/clock.hpp"
#include "net/body_stream.hpp"
#include "net/http_message.hpp"
#include "net/router.hpp"
#include "panel/live/beat.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/live/shared_pages.hpp"
#include "panel/store_gate.hpp"
#include "store/actor.hpp"

namespace prov::panel {

struct LiveLimits {
  Millis batch{50};        // between two looks at what has changed; more where streams are many
  Millis comment{15'000};  // silence before a comment; between two looks at what nobody told
  Millis retry{1'000};     // before the store is asked again after it failed
  // After which a stream is ended: its client comes back where it was, and is asked again who it
  // is, so that a token that was revoked sees no more.
  Millis lifetime{1'500'000};
  std::size_t streams = 8'000;  // open at once; beyond: 429
};

// The streams that are open. Outlives them.
class LiveStreams {
 public:
  // Ends every stream at once, and refuses new ones.
  void Close();
  bool closed() const { return closed_; }
  std::size_t open() const { return open_.size(); }  // for metrics

 private:
  friend class StreamSession;
  std::map<std::uint64_t, std::function<void()>> open_;  // ends one
  Beat beat_;
  std::uint64_t next_ = 1;
  bool closed_ = false;
};

// Each outlives the router and what it serves.
struct LiveDependencies {
  StoreGate& store;
  LiveHub& hub;
  LiveStreams& streams;
  // Who is asking: set by what ran before the route.
  std::function<store::Actor(const net::Request&)> caller;
  std::string scope;  // what a caller must hold (net::Route::scope)
  // The store failed, or a bug: for the panel's log. May be empty.
  std::function<void(const Error&)> on_error;
  LiveLimits limits{};
  std::shared_ptr<SharedPages> pages{};  // AddLiveRoutes makes it
};

// GET /api/jobs/{id}/log, GET /api/jobs/{id}/stream, GET /api/stream.
void AddLiveRoutes(net::Router& router, const LiveDependencies& dependencies);

}  // namespace prov::panel
