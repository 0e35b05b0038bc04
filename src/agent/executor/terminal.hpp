// The net process and the terminal that the agent may have been started from, which is root's.
// Whoever holds a terminal reads what is typed there, and has it answer as if somebody had typed.
// So the net process has none, and what it says there comes through a pipe, as text. Not
// thread-safe.
#pragma once

#include "base/files.hpp"

namespace prov::agent {

// In the net process before it becomes one: a session of its own, nothing to read, and standard
// error is `says`; with -1 what it was, where that is no terminal. False where it cannot be had.
bool LeaveTerminal(int says);

class TerminalRelay {
 public:
  TerminalRelay() = default;  // relays nothing
  // Nothing either where `standard_error` is no terminal: that can be handed on.
  explicit TerminalRelay(int standard_error);

  // What the net process is to write to; -1 where nothing is relayed.
  int says() const { return says_.get(); }
  // Readable when it has written something.
  int fd() const { return said_.get(); }
  // Passes that on, with `?` for what is no letter. What the terminal does not take at once is
  // lost, since whoever stops a terminal must not stop the agent.
  void Pass();

 private:
  UniqueFd terminal_;
  UniqueFd says_;
  UniqueFd said_;
};

}  // namespace prov::agent
