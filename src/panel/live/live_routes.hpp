// The live view over HTTP (API.md, "SSE"; docs/api/openapi.yaml): a job's log, a job's stream, and
// several jobs or topics in one stream.
//
// Single-threaded. What is shown is read from the store, always; the hub only says when to look. So
// a stream resumes at any position, on any panel, without a gap or a double.
#pragma once

#include <functional>
#include <string>

#include "net/body_stream.hpp"
#include "net/http_message.hpp"
#include "net/router.hpp"
#include "panel/live/job_feed.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/live/live_streams.hpp"
#include "panel/store_gate.hpp"
#include "store/actor.hpp"

namespace prov::panel {

// Each outlives the router and what it serves.
struct LiveDependencies {
  StoreGate& store;
  LiveHub& hub;
  LiveStreams& streams;
  JobFeeds& feeds;
  // Who is asking: set by what ran before the route.
  std::function<store::Actor(const net::Request&)> caller;
  std::string scope;  // what a caller must hold (net::Route::scope)
  // The store failed, or a bug: for the panel's log. May be empty.
  std::function<void(const Error&)> on_error;
};

// GET /api/jobs/{id}/log, GET /api/jobs/{id}/stream, GET /api/stream.
void AddLiveRoutes(net::Router& router, const LiveDependencies& dependencies);

}  // namespace prov::panel
