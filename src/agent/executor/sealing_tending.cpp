// How long the sealing key before is kept (docs/formats/keys.md, "The sealing key").
#include "agent/executor/executor.hpp"
#include "signing/replay_window.hpp"

namespace prov::agent {
namespace {

constexpr Millis kTendEvery{30'000};

}  // namespace

void Executor::TendSealing() {
  const auto& previous = setup_.identity.sealing.previous;
  if (!previous) return;
  if (!previous->out_since) {
    // Until then the panel may go on sealing to the key before.
    if (!sealing_told_ || outbox_.acknowledged() < *sealing_told_) return;
    auto next = CloneOf(setup_.identity.sealing);
    next.previous->out_since = clock_.Now();
    return KeepSealing(std::move(next));
  }
  sealing_due_ = clock_.Steady() + kTendEvery;
  const auto out = *previous->out_since;
  if (clock_.Now() < out + kSealedComesWithin || SealedBefore(out)) return;
  // Once it is durable that the jobs which needed it are over.
  effects_.push_back(
      [this] { KeepSealing({CloneOf(setup_.identity.sealing).present, std::nullopt}); });
}

bool Executor::SealedBefore(WallTime out) {
  return std::ranges::any_of(jobs_, [&](auto& each) {
    auto& [id, job] = each;
    if (!job::IsActive(job.state.status)) return false;
    const auto prepared = Prepared(id, job);
    if (!prepared) return true;  // nobody knows
    const auto& order = (*prepared)->order;
    return !order.sealed_inputs.empty() && order.issued_at <= out + signing::kClockSkew;
  });
}

// The file first, and memory follows: a restart must not know another key than was used before it.
void Executor::KeepSealing(Sealing next) {
  sealing_due_ = clock_.Steady() + kTendEvery;
  const auto lock = LockEnrolment(setup_.state);
  if (!lock) return;  // in a while, then
  const auto stored = ReadSealing(setup_.state);
  // Rotated just now, and about to be heard of.
  if (stored && stored->present.public_key != next.present.public_key) return;
  Status written = stored ? Status() : Status(stored.error());
  // Earlier versions kept the key in that file too.
  if (const auto held = ReadIdentity(setup_.state); written && held && !next.previous)
    written = WriteIdentity(setup_.state, *held);
  if (written) written = WriteSealing(setup_.state, next);
  if (!written) {
    logger_.Error("sealing_key_not_kept", {{"reason", written.error().ToString()}});
    return;
  }
  if (!next.previous) logger_.Info("sealing_key_forgotten");
  setup_.identity.sealing = std::move(next);
}

}  // namespace prov::agent
