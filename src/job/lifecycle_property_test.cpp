// The one table of states against a model of the world: an agent that is truthful, a panel that
// hears of it late or after a backup was restored, and time that passes. The model knows what
// happened, never what the table says.
#include <cmath>
#include <rapidcheck.h>

#include <gtest/gtest.h>

#include "job/retry.hpp"
#include "job/status.hpp"

namespace prov::job {
namespace {

enum class Kind {
  kPanelActs,  // hands over, or ends what it has not handed over
  kSilence,    // 24 hours without a word
  kAgentActs,  // takes the job, starts an attempt, ends it
  kHappens,    // a kill, a damaged journal, a result that is found late
  kDeliver,    // the panel takes the next event
  kBackup,
  kRestore,  // and then the agent answers where the job stands
};

struct Move {
  Kind kind;
  std::uint8_t choice;
};

std::ostream& operator<<(std::ostream& to, const Move& move) {
  return to << static_cast<int>(move.kind) << ':' << static_cast<int>(move.choice);
}

struct Rules {
  RetryPolicy policy;
  bool idempotent = false;
};

std::ostream& operator<<(std::ostream& to, const Rules& rules) {
  return to << rules.policy.max_attempts << " attempts, " << rules.policy.backoff_seconds << " s"
            << (rules.idempotent ? ", idempotent" : "");
}

// Of any size from the first life on: small numbers would be all of one kind.
template <class T>
rc::Gen<T> AnyOf(T least, T most) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<T>(least, most + 1));
}

rc::Gen<std::vector<Move>> Moves() {
  const auto kind = rc::gen::weightedElement<Kind>({{3, Kind::kPanelActs},
                                                    {2, Kind::kSilence},
                                                    {4, Kind::kAgentActs},
                                                    {1, Kind::kHappens},
                                                    {4, Kind::kDeliver},
                                                    {2, Kind::kBackup},
                                                    {2, Kind::kRestore}});
  return rc::gen::container<std::vector<Move>>(
      rc::gen::construct<Move>(kind, AnyOf<std::uint8_t>(0, 239)));
}

rc::Gen<Rules> AnyRules() {
  return rc::gen::construct<Rules>(
      rc::gen::construct<RetryPolicy>(AnyOf(1U, 10U), AnyOf(0U, 3600U)),
      rc::gen::arbitrary<bool>());
}

// What really happened to the job on its server, and what the agent said of it.
class Agent {
 public:
  explicit Agent(const Rules& rules) : rules_(rules) {}

  bool knows() const { return !said_.empty(); }
  Status status() const { return said_.back(); }
  const std::vector<Status>& said() const { return said_; }
  std::uint32_t begun() const { return begun_; }

  void Act(std::uint8_t choice) {
    if (!knows())
      return Say(
          Pick(choice, {Status::kAccepted, Status::kAccepted, Status::kAccepted, Status::kRejected,
                        Status::kExpired, Status::kCanceled, Status::kLost}));
    if (status() == Status::kAccepted && choice % 4 == 0)
      return Say(Pick(choice / 4, {Status::kCanceled, Status::kRejected}));
    if (status() == Status::kRetryWait && choice % 4 == 0)
      return Say(Pick(choice / 4, {Status::kCanceled, Status::kFailed}));
    if (status() == Status::kAccepted || status() == Status::kRetryWait) return Begin();
    if (status() == Status::kRunning) End(choice);
  }

  void Happen(std::uint8_t choice) {
    if (!knows() || IsTerminal(status())) return;
    if (IsParked(status())) {
      // Its exit record came to light.
      if (begun_ > 0)
        Say(Pick(choice, {Status::kSucceeded, Status::kFailed, Status::kTimedOut, Status::kCanceled,
                          Status::kInterrupted}));
    } else if (choice % 2 == 0) {
      Say(Status::kLost);
    } else if (status() == Status::kRunning) {
      EndOr(AttemptEnd::kInterrupted, Status::kInterrupted);
    }
  }

 private:
  static Status Pick(std::uint8_t choice, std::vector<Status> of) { return of[choice % of.size()]; }
  void Say(Status status) {
    if (!knows() || status != this->status()) said_.push_back(status);
  }
  void Begin() {
    ++begun_;
    Say(Status::kRunning);
  }
  void End(std::uint8_t choice) {
    if (choice % 2 == 0) return EndOr(AttemptEnd::kInstallationError, Status::kFailed);
    Say(Pick(choice / 2,
             {Status::kSucceeded, Status::kFailed, Status::kTimedOut, Status::kCanceled}));
  }
  void EndOr(AttemptEnd end, Status otherwise) {
    const auto delay = DelayBeforeNextAttempt(rules_.policy, rules_.idempotent, end, begun_);
    RC_ASSERT(delay.has_value() == (begun_ < (rules_.idempotent ? rules_.policy.max_attempts : 1)));
    Say(delay ? Status::kRetryWait : otherwise);
  }

  Rules rules_;
  std::vector<Status> said_;
  std::uint32_t begun_ = 0;
};

// The panel's row, which moves only as the table allows.
class World {
 public:
  explicit World(const Rules& rules) : agent_(rules) {}

  void Take(const Move& move) {
    switch (move.kind) {
      case Kind::kPanelActs:
        return PanelActs(move.choice);
      case Kind::kSilence:
        return Silence();
      case Kind::kAgentActs:
        if (handed_over_) agent_.Act(move.choice);
        return;
      case Kind::kHappens:
        return agent_.Happen(move.choice);
      case Kind::kDeliver:
        return Deliver();
      case Kind::kBackup:
        backup_ = std::pair(row_, handed_over_);
        return;
      case Kind::kRestore:
        return Restore();
    }
  }

  void Check() const {
    if (row_ == Status::kRejected || row_ == Status::kExpired) RC_ASSERT(agent_.begun() == 0U);
    if (!handed_over_) RC_ASSERT(!agent_.knows());
    if (IsTerminal(row_) && handed_over_) RC_ASSERT(row_ == agent_.status());
    CheckForgeries();
  }

  void CheckEnd() {
    while (delivered_ < agent_.said().size()) Deliver();
    if (!agent_.knows()) return;
    if (IsTerminal(agent_.status())) RC_ASSERT(row_ == agent_.status());
    if (IsParked(agent_.status())) RC_ASSERT(IsParked(row_));
    if (IsActive(agent_.status())) RC_ASSERT(row_ == agent_.status() || row_ == Status::kLost);
  }

 private:
  void Move(Status to, Party by) {
    RC_ASSERT(MayTransition(row_, to, by));
    row_ = to;
  }

  void PanelActs(std::uint8_t choice) {
    if (row_ != Status::kQueued) return;
    if (choice % 8 == 0) return Move(Status::kCanceled, Party::kPanel);
    if (choice % 8 == 1) return Move(Status::kExpired, Party::kPanel);
    handed_over_ = true;
    Move(Status::kDispatched, Party::kPanel);
  }

  void Silence() {
    if (handed_over_ && IsActive(row_) && row_ != Status::kQueued)
      Move(Status::kLost, Party::kPanel);
  }

  void Deliver() {
    if (delivered_ == agent_.said().size()) return;
    const auto said = agent_.said()[delivered_++];
    if (said == row_) return;
    // Of a job that the agent gave up, only how it ended is news.
    if (row_ == Status::kInterrupted && !IsTerminal(said)) return;
    Move(said, Party::kAgent);
  }

  // What was acknowledged before comes no more, so the agent is asked.
  void Restore() {
    if (!backup_) return;
    std::tie(row_, handed_over_) = *backup_;
    handed_over_ = handed_over_ || agent_.knows();
    if (!agent_.knows()) return;
    delivered_ = agent_.said().size();
    if (row_ != agent_.status() && !IsTerminal(row_)) {
      const auto by =
          MayTransition(row_, agent_.status(), Party::kAgent) ? Party::kAgent : Party::kAnswer;
      if (row_ == Status::kInterrupted && !IsTerminal(agent_.status())) return;
      Move(agent_.status(), by);
    }
  }

  // What nobody may say, whatever happened.
  void CheckForgeries() const {
    for (int i = 0; i <= static_cast<int>(Status::kLost); ++i) {
      const auto to = static_cast<Status>(i);
      const bool ends =
          row_ == Status::kQueued &&
          (to == Status::kCanceled || to == Status::kExpired || to == Status::kDispatched);
      const bool gives_up = IsActive(row_) && row_ != Status::kQueued && to == Status::kLost;
      RC_ASSERT(MayTransition(row_, to, Party::kPanel) == (ends || gives_up));
      if (!MayTransition(row_, to, Party::kAgent)) continue;
      RC_ASSERT(!IsTerminal(row_) && row_ != Status::kQueued && to != row_);
      RC_ASSERT(to != Status::kQueued && to != Status::kDispatched);
      const bool unheard = row_ == Status::kLost;
      if (IsActive(to)) RC_ASSERT(IsActive(row_) || unheard);
      if (to == Status::kAccepted) RC_ASSERT(row_ == Status::kDispatched || unheard);
      if (to == Status::kRetryWait) RC_ASSERT(row_ == Status::kRunning || unheard);
      if (to == Status::kRejected || to == Status::kExpired)
        RC_ASSERT(row_ != Status::kRunning && row_ != Status::kRetryWait);
    }
  }

  Agent agent_;
  Status row_ = Status::kQueued;
  bool handed_over_ = false;
  std::size_t delivered_ = 0;
  std::optional<std::pair<Status, bool>> backup_;
};

TEST(Lifecycle, Lifecycle_WhateverHappens_ThePanelEndsWithTheTruth) {
  EXPECT_TRUE(rc::check([] {
    const auto lives = *rc::gen::container<std::vector<std::pair<Rules, std::vector<Move>>>>(
        20, rc::gen::pair(AnyRules(), Moves()));
    for (const auto& [rules, moves] : lives) {
      World world(rules);
      for (const auto& move : moves) {
        world.Take(move);
        world.Check();
      }
      world.CheckEnd();
    }
  }));
}

TEST(Lifecycle, Lifecycle_EveryDelay_IsTwiceTheOneBefore_ADayAtMost) {
  EXPECT_TRUE(rc::check([] {
    auto rules = *AnyRules();
    rules.policy.max_attempts = 100;
    const auto attempt = *AnyOf(1U, 99U);
    const auto delay =
        DelayBeforeNextAttempt(rules.policy, true, AttemptEnd::kInterrupted, attempt);
    const auto doubled = rules.policy.backoff_seconds * std::pow(2.0, attempt - 1);
    RC_ASSERT(delay.has_value());
    RC_ASSERT(static_cast<double>(delay->count()) == std::min(doubled, 86'400.0));
  }));
}

}  // namespace
}  // namespace prov::job
