// The keys that sensitive inputs are sealed to: the present one and, after a rotation, the one
// before, as long as what was sealed to it may still come or be used. <state>/sealing-key, 0600,
// root's (docs/formats/agent-state.md); how long: docs/formats/keys.md.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "exec/paths.hpp"
#include "job/order.hpp"
#include "signing/replay_window.hpp"
#include "signing/sealed.hpp"

namespace prov::agent {

// What was sealed to a key may come for so long after the panel went on to the next one: orders and
// commands are valid for 24 h, and the two clocks may differ by the skew, at its issue and at its
// expiry.
inline constexpr Seconds kSealedComesWithin = job::kLongestValidity + 2 * signing::kClockSkew;

struct PreviousSealing {
  signing::SealingKeys keys;
  std::optional<WallTime> out_since;  // the panel was known by then to use the present key
};

struct Sealing {
  signing::SealingKeys present;
  std::optional<PreviousSealing> previous;
};

Sealing CloneOf(const Sealing& sealing);

// kNotFound where there is none, kCorrupt when it is not what WriteSealing writes,
// kPermissionDenied when others can read it.
Result<Sealing> ReadSealing(const exec::StatePaths& state);
// Whoever changes what is there holds LockEnrolment (identity.hpp) from reading to writing.
Status WriteSealing(const exec::StatePaths& state, const Sealing& sealing);
// Made and kept on the first call: enrolment sends the public key before there are any others.
Result<Sealing> EnsureSealing(const exec::StatePaths& state);
// Makes another present key, written with the one before in one step. kConflict while the one
// before that is still kept.
Result<Sealing> RotateSealing(const exec::StatePaths& state);

// Opened with either key; kPermissionDenied as signing::Unseal.
Result<signing::SecretBytes> Unseal(const Sealing& sealing, const Uuid& job, std::string_view input,
                                    std::string_view sealed);

}  // namespace prov::agent
