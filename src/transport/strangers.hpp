// Who is heard over a queue and is no agent that the panel's end knows: perhaps one that was
// enrolled just now, so that the directory is asked at once; but not again at each of its
// heartbeats, when it has said no.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace prov::transport {

class Strangers {
 public:
  static constexpr std::size_t kMost = 10'000;  // remembered at once
  static constexpr Seconds kSilence{60};        // after which one is forgotten

  // `agent`, whom nobody knows, was heard. True where the directory is to be asked soon. False
  // where it has said no, or there are too many: then the next of its regular turns tells.
  bool Heard(const std::string& agent, SteadyTime now);
  // The directory is being asked, about all who were heard until now.
  void Asking();
  // It answered with all that it knows. Returns those of the strangers, who are none any more.
  std::vector<std::string> Answered(const std::vector<std::string>& known, SteadyTime now);

 private:
  struct Stranger {
    enum class Said { kNothing, kAsked, kNo };
    Said said = Said::kNothing;  // the directory of it
    SteadyTime heard;
  };
  std::map<std::string, Stranger, std::less<>> strangers_;
};

}  // namespace prov::transport
