#include "job/step.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "contract/output_lines.hpp"
#include "job/log_lines.hpp"

namespace prov::job {
namespace {

// Most chunks have no such line, and are not taken apart to find that out. The colons may come in
// two pieces.
bool MayHoldMarks(std::span<const LogFrame> frames) {
  return std::ranges::any_of(frames, [](const LogFrame& frame) {
    return frame.bytes.find("::") != frame.bytes.npos || frame.bytes.ends_with(':');
  });
}

void End(std::vector<Step>& steps, StepStatus became, WallTime at) {
  if (steps.empty() || steps.back().status != StepStatus::kRunning) return;
  auto& last = steps.back();
  last.status = became;
  last.finished_at = std::max(at, last.started_at);
}

}  // namespace

std::vector<StepMark> StepMarksOf(std::span<const LogFrame> frames, std::uint64_t first_line) {
  std::vector<StepMark> marks;
  if (!MayHoldMarks(frames)) return marks;
  std::size_t begun = 0;
  LineReader lines(frames);
  for (auto number = first_line; const auto line = lines.Next(); ++number) {
    const auto said = contract::ParseScriptLine(line->text);
    if (const auto* group = std::get_if<contract::GroupLine>(&said)) {
      if (++begun > kMostSteps) break;
      const std::string_view title = group->title;
      marks.push_back(
          {number, line->time, ReplaceInvalidUtf8(title.substr(0, kMostStepNameBytes))});
    } else if (std::holds_alternative<contract::EndGroupLine>(said) &&
               (marks.empty() || marks.back().begins)) {
      marks.push_back({number, line->time, std::nullopt});
    }
  }
  return marks;
}

void TakeMarks(std::vector<Step>& steps, std::span<const StepMark> marks) {
  for (const auto& mark : marks) {
    End(steps, StepStatus::kSucceeded, mark.at);
    if (mark.begins && steps.size() < kMostSteps)
      steps.push_back({*mark.begins, mark.line, mark.at, std::nullopt, StepStatus::kRunning});
  }
}

void EndSteps(std::vector<Step>& steps, Status status, WallTime at) {
  End(steps,
      status == Status::kSucceeded  ? StepStatus::kSucceeded
      : status == Status::kCanceled ? StepStatus::kCanceled
                                    : StepStatus::kFailed,
      at);
}

}  // namespace prov::job
