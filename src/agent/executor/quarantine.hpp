// Parcels that end the process while it takes them: after three times one is not looked at any
// more, so that the next job runs (QUALITY, row 20). What is in hand is noted in a file, without an
// fsync: it is to survive the process, not the machine. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "base/files.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"

namespace prov::agent {

// How often a parcel ended the process.
struct Suspect {
  int deaths = 0;
  std::optional<Uuid> job;
};
BOOST_DESCRIBE_STRUCT(Suspect, (), (deaths, job))

class Quarantine {
 public:
  static constexpr int kMostDeaths = 3;

  // Reads what an earlier life was at when it ended, and counts it.
  static Result<Quarantine> Open(const Path& directory);

  // False for a parcel that is not to be looked at.
  bool Begin(std::string_view parcel);
  // The job of the parcel in hand, once its signature holds.
  void Name(const Uuid& job);
  // The one that Begin() refused to look at is about this job, where an earlier life came to know.
  std::optional<Uuid> job() const;
  // It was taken or refused, and the process lives: earlier deaths had another cause.
  void End();

 private:
  Path directory_;
  UniqueFd in_hand_;
  std::string current_;
  std::map<std::string, Suspect> suspects_;  // by the parcel's SHA-256, hex
};

}  // namespace prov::agent
