// What a stream of topics still has to tell. There is no history behind a topic: whoever listens
// first reads the list, and is told to read it again ("reset") whenever changes may have been
// missed. Single-threaded.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include <boost/json.hpp>

#include "base/uuid.hpp"
#include "job/record.hpp"
#include "panel/live/live_hub.hpp"

namespace prov::panel {

class Topics {
 public:
  static constexpr std::size_t kMostJobs = 200;  // that changed in one round; beyond: reset

  Topics(bool jobs, bool servers)
      : jobs_(jobs), servers_(servers), reset_(jobs), servers_changed_(servers) {}

  bool any() const { return jobs_ || servers_; }
  bool pending() const { return reset_ || servers_changed_ || !changed_.empty(); }
  // The hub's notice: true when it is about a topic of this stream.
  bool Changed(const LiveHub::Notice& notice);

  // {"topic": "jobs", "reset": true} and {"topic": "servers"}, where they are due.
  std::vector<boost::json::object> TakeGeneral();
  std::vector<Uuid> TakeJobs();                 // whose record is to be read
  void PutBack(const std::vector<Uuid>& jobs);  // they could not be read
  // Absent when nothing that is shown has changed since the last time.
  std::optional<boost::json::object> Show(const job::Record& record);

 private:
  // Whoever listens is to read the list of jobs again.
  void Reset();

  bool jobs_;
  bool servers_;
  bool reset_;
  bool servers_changed_;
  std::set<Uuid> changed_;
  std::map<Uuid, boost::json::object> shown_;  // of jobs that are active
};

}  // namespace prov::panel
