// Questions to the person at the terminal. Not thread-safe; a program has one terminal.
#pragma once

#include <optional>
#include <string>

namespace prov::cli {

// Whether there is somebody to ask: standard input and standard error are a terminal.
bool CanAsk();
// A line from the terminal (or, where standard input is none, from it), without its newline;
// nothing at the end of input, which is no answer. The question goes to standard error.
std::optional<std::string> Ask(const std::string& question);
// The same, not shown while it is typed; a signal while it waits leaves the terminal as it was.
std::optional<std::string> AskSecret(const std::string& question);

}  // namespace prov::cli
