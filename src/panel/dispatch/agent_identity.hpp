// Who it is that reports: whether an event's epoch is its agent's, follows it, or shows that two
// servers speak with one name (DESIGN: a clone shows as two epochs alive by turns, or as one
// (epoch, sequence) with different bytes). Works on the agent's row within a transaction.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "panel/dispatch/verified_event.hpp"
#include "store/database.hpp"

namespace prov::panel {

struct Finding {
  enum class Kind {
    kKnown,    // of the agent's present epoch
    kFollows,  // announces the epoch that follows it
    kRefused,  // of an epoch that cannot be placed
    kCloned,   // another server's with the same name
  };
  Kind kind = Kind::kKnown;
  std::string why;  // a sentence, with kRefused and kCloned
};

// `events` are sorted by sequence, and of one epoch.
Result<Finding> Identify(store::Transaction& t, const store::Agent& agent,
                         const std::vector<VerifiedEvent>& events);

// As founded: an agent that holds SECRET_KEY is registered by the first facts it signs under its
// first generation. kNotFound where there are none among the events.
Result<store::Agent> RegisterByEvent(store::Transaction& t, const std::string& agent,
                                     const std::vector<VerifiedEvent>& events, WallTime now);

// Of a sentence that an agent may have made as long as it likes: what is kept for people to read.
inline constexpr std::size_t kMostSaidBytes = 1000;
std::string Shortened(std::string_view said);

// Neither of the two is heard until a person has decided; with the audit entry.
Status MarkCloned(store::Transaction& t, store::Agent& agent, std::string evidence, WallTime now);
// What the agent reports is not taken: audited when it begins, not at every repetition.
Status MarkRefused(store::Transaction& t, store::Agent& agent, std::string why, WallTime now);
// What everything from an agent that is marked is answered with.
Error ClonedError(const store::Agent& agent);
// What the server's page says while nothing that the agent reports is taken.
std::string RefusedWarning(const store::Agent& agent);

}  // namespace prov::panel
