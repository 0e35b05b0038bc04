// The frames of a stream (API.md, "SSE"; docs/api/openapi.yaml, StreamFrame): changes of a job, as
// the store holds them, put together into frames of bounded size. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "panel/live/log_lines.hpp"
#include "store/changes.hpp"

namespace prov::panel {

// How far a reader is: everything up to change `seq`, and of the change after it `lines` lines. The
// latter only where one change has more text than fits a frame.
struct StreamPosition {
  std::uint64_t seq = 0;
  std::uint64_t lines = 0;
  auto operator<=>(const StreamPosition&) const = default;
};

// Before the newest change there is: where a stream begins that tells the state first. No reader is
// ever told it.
inline constexpr StreamPosition kNow{~std::uint64_t{0}, 0};

// "12", or "12.1000": as `id:` of a job's stream has it.
std::string FormatPosition(const StreamPosition& position);
// Only what FormatPosition writes.
std::optional<StreamPosition> ParsePosition(std::string_view text);

struct JobPosition {
  Uuid job;
  StreamPosition at;
  bool operator==(const JobPosition&) const = default;
};
// The same over several jobs, opaque to clients (base64url; 100 jobs fit in 4096 characters). It
// holds nothing that its reader could not know, and whoever takes it checks access by job.
std::string FormatPositions(const std::vector<JobPosition>& positions);
std::optional<std::vector<JobPosition>> ParsePositions(std::string_view text);

struct StreamFrame {
  StreamPosition position;       // after this frame
  store::Change state;           // of its last change; `log` is left out
  std::string output;            // the lines' text, each with a newline
  std::vector<ShownLine> lines;  // without text
};

// As JSON text; `job` is named where the stream is of several.
std::string FrameJson(const StreamFrame& frame, const std::optional<Uuid>& job);

// Several changes become one frame, until it has about 64 KiB of text, 1,000 lines, or the attempt
// is another one.
//
//   maker.Load(change);
//   while (auto frame = maker.Next()) send(*frame);
//   …
//   if (auto frame = maker.Flush()) send(*frame);
class FrameMaker {
 public:
  static constexpr std::size_t kText = 64 * 1024;
  static constexpr std::size_t kLines = 1000;

  // Goes on after `at`; changes are loaded from at.seq + 1 on, in order.
  explicit FrameMaker(const StreamPosition& at) : skip_(at.lines) {}
  void Load(store::Change change);
  std::optional<StreamFrame> Next();   // a frame that is full
  std::optional<StreamFrame> Flush();  // what is left

 private:
  bool Full() const { return frame_->output.size() >= kText || frame_->lines.size() >= kLines; }

  std::uint64_t skip_;
  std::optional<store::Change> loaded_;
  std::optional<ShownLineReader> lines_;
  std::optional<ShownLine> line_;  // the next one of `lines_`
  std::uint64_t taken_ = 0;        // lines before it
  std::optional<StreamFrame> frame_;
};

}  // namespace prov::panel
