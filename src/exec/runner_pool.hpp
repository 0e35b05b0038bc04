// The processes that run attempts, one at a time each. One that has ended its attempt is given the
// next, if nothing of the last can matter to it: no secret was in it, nothing was left running, the
// script ended by itself in a cgroup. To fork one costs more than a short script does.
//
// A runner is forked from the executor without exec and outlives it: the attempt goes on, and then
// the runner finds nobody at the other end of its socket and ends. The lock of the attempt is taken
// before a runner hears of it, so that there is no moment in which one goes unnoticed; it is held
// until the attempt's exit record is there. Not thread-safe, and for a single-threaded process.
#pragma once

#include <vector>

#include "base/clock.hpp"
#include "exec/runner.hpp"

namespace prov::exec {

struct Runner {
  PidRef reference;
  UniqueFd pidfd;  // to signal it
  // Readable when it has ended its attempt, or is gone; without it `pidfd` is, when it is gone.
  UniqueFd socket;

  int ended_fd() const { return socket ? socket.get() : pidfd.get(); }
};

class RunnerPool {
 public:
  // Starts the attempt; containment and network are those of the first one, for all of a pool. Like
  // RunFollowedAttempt, with this process as the follower. Afterwards the
  // runner holds no descriptor of this process's above 2 but the attempt's lock and its socket.
  Result<Runner> Start(const AttemptSpec& spec, const Clock& clock);
  // Takes over one whose ended_fd() is readable, which is used again where it can be.
  void Ended(Runner runner, const Clock& clock);
  // Lets those go that had nothing to do for 10 s, and forgets who has gone.
  void Tidy(const Clock& clock);

 private:
  struct Idle {
    Runner runner;
    SteadyTime since;
  };
  std::vector<Idle> idle_;
  std::vector<pid_t> leaving_;
};

// Forks a runner for this attempt alone.
Result<Runner> StartRunner(const AttemptSpec& spec, const Clock& clock);

}  // namespace prov::exec
