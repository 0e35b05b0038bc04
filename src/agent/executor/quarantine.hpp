// Parcels that end the process while it takes them: after three times one is not looked at any
// more, so that the next job runs (QUALITY, row 20). What is in hand is noted in a file, without an
// fsync: it is to survive the process, not the machine. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/files.hpp"
#include "base/result.hpp"

namespace prov::agent {

class Quarantine {
 public:
  static constexpr int kMostDeaths = 3;

  // Reads what an earlier life was at when it ended, and counts it.
  static Result<Quarantine> Open(const Path& directory);

  // False for a parcel that is not to be looked at.
  bool Begin(std::string_view parcel);
  // It was taken or refused, and the process lives: earlier deaths had another cause.
  void End();

 private:
  Path directory_;
  UniqueFd in_hand_;
  std::string current_;
  std::map<std::string, int> deaths_;  // by the parcel's SHA-256, hex
};

}  // namespace prov::agent
