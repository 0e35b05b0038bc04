// What another process that shares the database committed. A hint only, for those who would else
// look again some seconds later: it may be lost, doubled, or about something that was there before.
#pragma once

#include <functional>
#include <string>

#include "base/uuid.hpp"

namespace prov::store {

struct Announcement {
  enum class Kind {
    kJob,       // a job changed: `job`
    kDelivery,  // there is something for the agent `server`
    kServers,   // what is known of servers changed
    kAnything,  // for a while nothing was heard: whatever is shown may have changed
  };
  Kind kind = Kind::kServers;
  Uuid job;
  std::string server;
  bool operator==(const Announcement&) const = default;
};
using AnnouncementListener = std::function<void(const Announcement&)>;

// Listens for as long as it is there. Its end waits for a call of the listener that goes on.
class Listening {
 public:
  virtual ~Listening() = default;
};

}  // namespace prov::store
