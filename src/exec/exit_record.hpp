// What a runner says of its attempt, last and atomically. Plain data; what it means for the job is
// decided by the one table in src/contract.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "job/record.hpp"

namespace prov::exec {

enum class Ending {
  kExited,       // by itself, with exit_code
  kSignaled,     // by a signal the platform did not send
  kTimedOut,     // ended by the platform at its deadline
  kCanceled,     // ended by the platform on request
  kNotStarted,   // the script never ran; `reason` says why
  kInterrupted,  // by the machine that went down: not the script's own end
};
BOOST_DESCRIBE_ENUM(Ending, kExited, kSignaled, kTimedOut, kCanceled, kNotStarted, kInterrupted)

struct ExitRecord {
  std::uint32_t v = 1;  // raised only when an older reader would misread the rest
  Uuid job;
  std::uint32_t attempt = 1;
  std::uint32_t continuation = 0;
  Ending ending = Ending::kNotStarted;
  std::optional<int> exit_code;
  std::optional<int> signal;
  bool invalid_inputs = false;        // with kNotStarted: they break a rule
  bool unopened_inputs = false;       // with kNotStarted: sealed to another key
  bool oom = false;                   // the kernel ended a process of the job for lack of memory
  std::optional<std::string> reason;  // also with a good end: what is missing of the record
  std::optional<std::string>
      services_error;  // after exit 0: the declared services that are not active
  WallTime started_at{};
  WallTime finished_at{};
  std::vector<job::LeftRunning> left_running;
  std::vector<job::Output> outputs;  // a sensitive one without its value
  job::LogSummary log;
};
BOOST_DESCRIBE_STRUCT(ExitRecord, (),
                      (v, job, attempt, continuation, ending, exit_code, signal, invalid_inputs,
                       unopened_inputs, oom, reason, services_error, started_at, finished_at,
                       left_running, outputs, log))

}  // namespace prov::exec
