// Starting a script: in its cgroup from its first instruction, with exactly the environment given.
// Between clone3 and execve nothing allocates. Call it from a single-threaded process.
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"
#include "exec/cgroup.hpp"

namespace prov::exec {

struct ProcessSpec {
  std::vector<std::string> arguments;    // arguments[0] is the program's absolute path
  std::vector<std::string> environment;  // "NAME=value", all of it
  Path directory;
  // The kernel kills it when its starter dies: where nothing else would find it then.
  bool dies_with_starter = false;
};

struct Process {
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd out;  // our ends of its stdout and stderr, non-blocking
  UniqueFd err;
};

// stdin /dev/null, own session, umask 022, no signal blocked or ignored, no descriptor but 0..2.
// An exec that fails is an error here, and the child is reaped.
Result<Process> StartProcess(const ProcessSpec& spec, const Cgroup& cgroup);

}  // namespace prov::exec
