// The steps of an attempt: what its script named with `::group` (docs/contract.md, "Lines that a
// script may print"), as its log tells them. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/clock.hpp"
#include "job/log_frames.hpp"
#include "job/status.hpp"

namespace prov::job {

inline constexpr std::size_t kMostSteps = 100;          // of an attempt: later groups are none
inline constexpr std::size_t kMostStepNameBytes = 200;  // the rest of a title is left out

enum class StepStatus { kRunning, kSucceeded, kFailed, kCanceled };
BOOST_DESCRIBE_ENUM(StepStatus, kRunning, kSucceeded, kFailed, kCanceled)

struct Step {
  std::string name;
  std::uint64_t line = 0;  // its `::group`, from 1 within the attempt
  WallTime started_at{};
  std::optional<WallTime> finished_at;
  StepStatus status = StepStatus::kRunning;
  bool operator==(const Step&) const = default;
};
BOOST_DESCRIBE_STRUCT(Step, (), (name, line, started_at, finished_at, status))

// A line that begins a step, or ends the one under way.
struct StepMark {
  std::uint64_t line = 0;
  WallTime at{};
  std::optional<std::string> begins;  // its name; nothing: `::endgroup`
};

// Those of a log chunk whose first line has that number.
std::vector<StepMark> StepMarksOf(std::span<const LogFrame> frames, std::uint64_t first_line);

// Steps do not nest: one that begins ends the one before as succeeded.
void TakeMarks(std::vector<Step>& steps, std::span<const StepMark> marks);

// The attempt came to `status` at that time, and so did the step that was under way.
void EndSteps(std::vector<Step>& steps, Status status, WallTime at);

}  // namespace prov::job
