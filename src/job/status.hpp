// The life of a job: its states, and the ONE table of legal transitions. Panel, agent and
// docs/formats/states.md come from it. Everything here is pure and thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

namespace prov::job {

enum class Status {
  kQueued,      // committed by the panel, not yet handed to the queue
  kDispatched,  // handed over; from here on only the agent ends it
  kAccepted,    // in the agent's journal
  kRunning,     // an attempt has started
  kRetryWait,   // between two attempts
  kSucceeded,
  kFailed,
  kTimedOut,
  kCanceled,
  kRejected,     // refused by the agent; certainly never executed
  kExpired,      // not accepted in time; certainly never executed
  kInterrupted,  // machine or runner died and no attempt follows
  kLost,         // nobody knows whether it ran; a person decides
};
BOOST_DESCRIBE_ENUM(Status, kQueued, kDispatched, kAccepted, kRunning, kRetryWait, kSucceeded,
                    kFailed, kTimedOut, kCanceled, kRejected, kExpired, kInterrupted, kLost)

// Why a job is `failed`.
enum class FailureKind { kValidation, kInstallation, kConfiguration, kOom, kSignal, kUnknown };
BOOST_DESCRIBE_ENUM(FailureKind, kValidation, kInstallation, kConfiguration, kOom, kSignal,
                    kUnknown)

// Who may make a transition.
enum class Party {
  kPanel,   // the panel by itself
  kAgent,   // the agent's event, applied in its sequence
  kAnswer,  // the agent's answer to a question about an unsettled job, after a gap that could not
            // be filled
};
BOOST_DESCRIBE_ENUM(Party, kPanel, kAgent, kAnswer)

struct Transition {
  Status from;
  Status to;
  Party by;
  std::string_view when;
};

// Nothing follows.
constexpr bool IsTerminal(Status status) {
  return status == Status::kSucceeded || status == Status::kFailed || status == Status::kTimedOut ||
         status == Status::kCanceled || status == Status::kRejected || status == Status::kExpired;
}

// It ran, and went wrong: what a success rate counts against the successes.
constexpr bool IsFailure(Status status) {
  return status == Status::kFailed || status == Status::kTimedOut;
}

// Nothing follows by itself, but a late result of the agent may still resolve it; and what the
// panel called lost because its server was silent goes on when the server is heard of again.
constexpr bool IsParked(Status status) {
  return status == Status::kInterrupted || status == Status::kLost;
}

// Still under way: neither terminal nor parked.
constexpr bool IsActive(Status status) { return !IsTerminal(status) && !IsParked(status); }

// It has not begun, and will: what the depth of a server's queue counts.
constexpr bool IsWaiting(Status status) {
  return status == Status::kQueued || status == Status::kDispatched || status == Status::kAccepted;
}

std::span<const Transition> Transitions();
bool MayTransition(Status from, Status to, Party by);

// The table as Markdown, as docs/formats/states.md holds it.
std::string TransitionsAsMarkdown();

}  // namespace prov::job
