// How much an agent may say of one job, so that no record grows without end by what is reported
// (docs/formats/events.md). Agents keep to it, and say in the job's log what they leave out. Pure
// and thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "job/event.hpp"
#include "job/record.hpp"

namespace prov::job {

inline constexpr std::size_t kMostOutputs = 100;
inline constexpr std::size_t kMostOutputBytes = 64 * 1024;  // names, labels and values, in all
inline constexpr std::size_t kMostLeftRunning = 100;
inline constexpr std::size_t kMostLeftRunningBytes = 64 * 1024;  // names and units, in all
inline constexpr std::size_t kMostReasonBytes = 12'000;
inline constexpr std::size_t kMostMessageBytes = 3'000;  // of a progress or a warning
// A text is cut to a third of that before it is made UTF-8: each of its bytes may become U+FFFD.
inline constexpr std::size_t kGrowthAsUtf8 = 3;

// What there is too much of, as a sentence for a person; nothing where there is not.
std::optional<std::string> TooMuch(const Event& event);
// The same of all outputs of a job, which come in any number of events.
std::optional<std::string> TooMuch(const std::vector<Output>& outputs);

}  // namespace prov::job
