// A connection that is made again when it was lost. Not thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "store/postgresql/connection.hpp"

namespace prov::store::postgresql {

class Link {
 public:
  // Run on each connection that was made: one on which it fails is not used.
  using Prepare = std::function<Status(Connection&)>;
  // `connects` counts those of all links to the same server, and outlives them.
  Link(std::string url, const Connection::Options& options, Prepare prepare,
       std::atomic<std::uint64_t>& connects)
      : url_(std::move(url)),
        options_(options),
        prepare_(std::move(prepare)),
        connects_(connects) {}

  // The connection there is, or another one. While the server is away it is tried again and again,
  // with growing pauses, until `deadline`; after that each call tries once, and none during a
  // pause, which ends when another link has got through. What waiting does not mend, such as a
  // wrong password, is not waited for.
  Result<Connection*> Get(SteadyTime deadline);
  // The next Get() makes another connection.
  void Drop() { connection_.reset(); }
  // There is a connection, as far as was noticed.
  bool connected() const { return connection_ && !connection_->lost(); }
  // Of the last error of Get().
  Trouble trouble() const { return trouble_; }

 private:
  Result<std::unique_ptr<Connection>> Connect();

  std::string url_;
  Connection::Options options_;
  Prepare prepare_;
  std::atomic<std::uint64_t>& connects_;
  std::unique_ptr<Connection> connection_;
  bool away_ = false;                // a deadline has passed without the server
  Millis pause_{0};                  // the last one; 0: it was there
  SteadyTime next_try_{};            // not before, unless
  std::uint64_t connects_then_ = 0;  // others have connected since the last try
  Trouble trouble_ = Trouble::kOther;
  Error last_{ErrorCode::kUnavailable, "", {}};
};

}  // namespace prov::store::postgresql
