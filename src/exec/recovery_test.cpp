#include "exec/recovery.hpp"

#include <gtest/gtest.h>

namespace prov::exec {
namespace {

using J = Journalled;
using X = ExitEvidence;
using F = Finding;

struct Row {
  const char* what;
  Evidence evidence;  // journal intact, journalled, spool, exit, same boot, runner, cgroup
  Recovery expected;
};

const Row kTable[] = {
    {"received only",
     {true, J::kReceived, false, X::kNone, true, false, false},
     {F::kStart, false}},
    {"crash between the directory and STARTED",
     {true, J::kReceived, true, X::kNone, true, false, false},
     {F::kInterrupted, false}},
    {"STARTED lost with the directory there and the runner alive",
     {true, J::kReceived, true, X::kNone, true, true, true},
     {F::kFollow, false}},
    {"exit 194, and the server has rebooted",
     {true, J::kRebooting, false, X::kNone, false, false, false},
     {F::kStart, false}},
    {"exit 194, and the server has not rebooted",
     {true, J::kRebooting, false, X::kNone, true, false, false},
     {F::kAwaitReboot, false}},
    {"crash between the continuation's directory and its STARTED",
     {true, J::kRebooting, true, X::kNone, false, false, false},
     {F::kInterrupted, false}},
    {"the continuation's STARTED lost with its runner alive",
     {true, J::kRebooting, true, X::kNone, true, true, true},
     {F::kFollow, false}},
    {"journal damaged while a reboot was awaited",
     {false, J::kRebooting, false, X::kNone, false, false, false},
     {F::kLost, false}},
    {"runner goes on", {true, J::kStarted, true, X::kNone, true, true, true}, {F::kFollow, false}},
    {"runner killed, script left",
     {true, J::kStarted, true, X::kNone, true, false, true},
     {F::kInterrupted, true}},
    {"runner and script gone",
     {true, J::kStarted, true, X::kNone, true, false, false},
     {F::kInterrupted, false}},
    {"reboot in mid-job",
     {true, J::kStarted, true, X::kNone, false, false, false},
     {F::kInterrupted, false}},
    {"reboot, and the pid and the cgroup's name are used again",
     {true, J::kStarted, true, X::kNone, false, true, true},
     {F::kInterrupted, false}},
    {"STARTED, but the spool was deleted",
     {true, J::kStarted, false, X::kNone, true, false, false},
     {F::kInterrupted, false}},
    {"ended while nobody watched",
     {true, J::kStarted, true, X::kWhole, true, false, false},
     {F::kFinished, false}},
    {"ended, the runner about to leave",
     {true, J::kStarted, true, X::kWhole, true, true, false},
     {F::kFinished, false}},
    {"ended before a reboot",
     {true, J::kStarted, true, X::kWhole, false, false, false},
     {F::kFinished, false}},
    {"ended, with services left running",
     {true, J::kStarted, true, X::kWhole, true, false, true},
     {F::kFinished, false}},
    {"exit record damaged",
     {true, J::kStarted, true, X::kCorrupt, true, false, true},
     {F::kInterrupted, true}},
    {"journalled as ended",
     {true, J::kExited, true, X::kWhole, true, false, false},
     {F::kSettled, false}},
    {"journalled as ended, spool gone",
     {true, J::kExited, false, X::kNone, true, false, false},
     {F::kSettled, false}},
    {"journal gone, directory there",
     {false, J::kNothing, true, X::kNone, true, false, false},
     {F::kLost, false}},
    {"journal gone, script left without its runner",
     {false, J::kNothing, true, X::kNone, true, false, true},
     {F::kLost, true}},
    {"journal gone, runner goes on",
     {false, J::kNothing, true, X::kNone, true, true, true},
     {F::kFollow, false}},
    {"journal gone, ended",
     {false, J::kNothing, true, X::kWhole, true, false, false},
     {F::kLost, false}},
    {"journal damaged after RECEIVED",
     {false, J::kReceived, false, X::kNone, true, false, false},
     {F::kLost, false}},
    {"nothing known", {true, J::kNothing, false, X::kNone, true, false, false}, {F::kLost, false}},
};

TEST(Recovery, Recovery_EveryRow_FindsWhatHappened) {
  for (const auto& row : kTable) EXPECT_EQ(Recover(row.evidence), row.expected) << row.what;
}

// Over ALL evidence: only a job that certainly never ran is started.
TEST(Recovery, Recovery_AllEvidence_StartsOnlyWhatNeverRan) {
  for (int bits = 0; bits < 32; ++bits) {
    for (const auto journalled : {J::kNothing, J::kReceived, J::kStarted, J::kExited}) {
      for (const auto exit : {X::kNone, X::kWhole, X::kCorrupt}) {
        const Evidence e{(bits & 1) != 0, journalled,      (bits & 2) != 0, exit,
                         (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0};
        const auto found = Recover(e);
        if (found.finding == F::kStart) {
          EXPECT_TRUE(e.journal_intact && !e.spool_exists && exit == X::kNone &&
                      journalled == J::kReceived);
        }
        if (!e.same_boot) {
          EXPECT_FALSE(found.end_cgroup || found.finding == F::kFollow);
        }
      }
    }
  }
}

}  // namespace
}  // namespace prov::exec
