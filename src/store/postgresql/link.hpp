// A connection that is made again when it was lost. Not thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "store/postgresql/connection.hpp"

namespace prov::store::postgresql {

class Link {
 public:
  // `connects` counts, and outlives the link.
  Link(std::string url, const Connection::Options& options, std::atomic<std::uint64_t>& connects)
      : url_(std::move(url)), options_(options), connects_(connects) {}

  // The connection there is, or another one. While the server is away it is tried again and again,
  // with growing pauses, until `deadline`; after that each call tries once, and none during a
  // pause. What waiting does not mend, such as a wrong password, is not waited for.
  Result<Connection*> Get(SteadyTime deadline);

 private:
  std::string url_;
  Connection::Options options_;
  std::atomic<std::uint64_t>& connects_;
  std::unique_ptr<Connection> connection_;
  bool away_ = false;      // a deadline has passed without the server
  Millis pause_{0};        // the last one; 0: it was there
  SteadyTime next_try_{};  // not before
  Error last_{ErrorCode::kUnavailable, "", {}};
};

}  // namespace prov::store::postgresql
