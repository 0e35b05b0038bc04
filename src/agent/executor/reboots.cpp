// Exit code 194 (docs/contract.md, C-EXIT-5): the machine is rebooted, and the attempt goes on with
// another run of its script. What follows is journalled before the reboot is asked for, so that
// whatever boots the machine, and whenever, continues it once.
#include <fmt/format.h>

#include "agent/executor/executor.hpp"
#include "agent/executor/outcome.hpp"
#include "exec/spool.hpp"

namespace prov::agent {
namespace {

constexpr Millis kAskedAgainEvery{60'000};
constexpr Millis kRebootsWithin{15 * 60'000};

}  // namespace

void Executor::AwaitReboot(const Uuid& id, Job& job) {
  // Of the boot it ran in: where another came since, the reboot has been.
  const auto ran = exec::ReadContainment(setup_.state.Attempt(Current(id, job)));
  const auto boot = setup_.machine.boot_id();
  job.state.reboot_from = ran && *ran ? (*ran)->runner.boot_id : boot ? *boot : "";
  job.state.changed_at = clock_.Now();
  // The next run writes the log on, behind what was reported of it.
  Keep(id, job);
  Append({.job = id, .state = job.state});
  logger_.Info("reboot_pending", {{"attempt", job.state.attempt}}, Subject(id, job));
  RecoverReboot(id, job);
}

void Executor::RecoverReboot(const Uuid& id, Job& job) {
  const auto boot = setup_.machine.boot_id();
  auto next = Current(id, job);
  ++next.continuation;
  Running running;
  const auto found = FindOut(next,
                             {.journalled = exec::Journalled::kRebooting,
                              .same_boot = !boot || *boot == job.state.reboot_from},
                             running);
  if (found.finding == exec::Finding::kAwaitReboot) {
    rebooting_.insert(id);
  } else if (found.finding == exec::Finding::kStart) {
    // Not before this is durable, as with a retry.
    effects_.push_back([this, id] {
      if (jobs_.at(id).state.reboot_from) waiting_.push_front(id);
    });
  } else {
    job.state.continuation = next.continuation;
    job.state.reboot_from.reset();
    Append({.job = id, .state = job.state});
    RecoverAttempt(id, job);
  }
}

// Whoever runs is brought to its end first, and nothing new is started meanwhile.
void Executor::RequestReboot() {
  if (rebooting_.empty()) return reboot_request_.reset();
  if (Busy() > 0) return;
  const auto now = clock_.Steady();
  if (!reboot_request_) reboot_request_ = {.given_up_at = now + kRebootsWithin};
  if (now >= reboot_request_->given_up_at) return GiveUpReboot();
  if (now < reboot_request_->asked_again_at) return;
  reboot_request_->asked_again_at = now + kAskedAgainEvery;
  logger_.Warning("reboot_requested", {{"jobs", rebooting_.size()}});
  effects_.push_back([this] {
    const auto asked = setup_.machine.reboot();
    reboot_request_->error = asked ? "" : asked.error().ToString();
    if (asked) return;
    logger_.Error("reboot_failed", {{"reason", reboot_request_->error}});
    if (asked.error().code == ErrorCode::kUnsupported)
      reboot_request_->given_up_at = clock_.Steady();
  });
}

void Executor::GiveUpReboot() {
  const auto why = reboot_request_->error;
  for (const auto& id : std::exchange(rebooting_, {})) {
    auto& job = jobs_.at(id);
    const auto record = exec::ReadExit(setup_.state.Attempt(Current(id, job)));
    auto change = OutcomeOf(record && *record ? **record : exec::ExitRecord{});
    change.reason = why.empty() ? "exit code 194: the server did not reboot within 15 minutes"
                                : "exit code 194: the server was not rebooted: " + why;
    EndJob(id, job, std::move(change));
  }
  reboot_request_.reset();
}

}  // namespace prov::agent
