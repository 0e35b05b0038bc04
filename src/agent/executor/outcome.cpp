#include "agent/executor/outcome.hpp"

#include "contract/exit_code.hpp"

namespace prov::agent {
namespace {

contract::ProcessEnd EndOf(const exec::ExitRecord& record) {
  contract::ProcessEnd end;
  end.exit_code = record.exit_code;
  end.signal = record.signal;
  end.out_of_memory = record.oom;
  end.timed_out = record.ending == exec::Ending::kTimedOut;
  end.canceled = record.ending == exec::Ending::kCanceled;
  return end;
}

void SetVerdict(job::StateChange& change, contract::Verdict verdict) {
  using contract::Verdict;
  switch (verdict) {
    case Verdict::kSucceeded:
      change.status = job::Status::kSucceeded;
      return;
    case Verdict::kFailedValidation:
      return SetFailed(change, job::FailureKind::kValidation);
    case Verdict::kFailedInstallation:
      return SetFailed(change, job::FailureKind::kInstallation);
    case Verdict::kFailedConfiguration:
      return SetFailed(change, job::FailureKind::kConfiguration);
    case Verdict::kFailedOom:
      return SetFailed(change, job::FailureKind::kOom);
    case Verdict::kFailedSignal:
      return SetFailed(change, job::FailureKind::kSignal);
    case Verdict::kFailedUnknown:
    case Verdict::kReboot:
      return SetFailed(change, job::FailureKind::kUnknown);
    case Verdict::kTimedOut:
      change.status = job::Status::kTimedOut;
      return;
    case Verdict::kCanceled:
      change.status = job::Status::kCanceled;
      return;
  }
}

}  // namespace

void SetFailed(job::StateChange& change, job::FailureKind kind) {
  change.status = job::Status::kFailed;
  change.failure_kind = kind;
}

bool AsksForReboot(const exec::ExitRecord& record, bool may_reboot) {
  return record.ending == exec::Ending::kExited &&
         contract::Judge(EndOf(record), may_reboot) == contract::Verdict::kReboot;
}

job::StateChange OutcomeOf(const exec::ExitRecord& record) {
  job::StateChange change;
  change.exit_code = record.exit_code;
  change.signal = record.signal;
  change.outputs = record.outputs;
  change.log = record.log;
  if (record.ending == exec::Ending::kNotStarted) {
    // One that does not open is nothing the person gave wrong: server and panel know other keys.
    SetFailed(change, record.invalid_inputs    ? job::FailureKind::kValidation
                      : record.unopened_inputs ? job::FailureKind::kConfiguration
                                               : job::FailureKind::kUnknown);
    change.reason = "the script was not started: " + record.reason.value_or("no reason was given");
    return change;
  }
  const auto end = EndOf(record);
  const auto verdict = contract::Judge(end, false);
  SetVerdict(change, verdict);
  if (verdict != contract::Verdict::kSucceeded)
    change.reason = record.reason.value_or(contract::Describe(end));
  if (change.status == job::Status::kSucceeded) {
    change.reason = record.reason;  // something of the record is missing
    change.left_running = record.left_running;
    if (record.services_error) {
      SetFailed(change, job::FailureKind::kConfiguration);
      change.reason = record.services_error;
    }
  }
  return change;
}

}  // namespace prov::agent
