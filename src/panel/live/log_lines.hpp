// A stored log chunk as the lines that people are shown (docs/api/openapi.yaml, the log route).
// Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "job/log_lines.hpp"
#include "store/changes.hpp"

namespace prov::panel {

struct ShownLine {
  std::uint64_t n = 1;  // from 1 within the attempt
  WallTime time{};      // within what FormatTime can write
  bool error = false;   // "err": standard error and the platform's own notices
  std::string text;     // well-formed UTF-8: every malformed byte is U+FFFD
  bool ended = true;    // by a newline; false for the piece of a long line, or a last line
  bool operator==(const ShownLine&) const = default;
};

// One line of a chunk after another; what is held is the chunk's bytes and one line. A chunk holds
// `line_count` lines, so none has a number beyond them whatever the bytes say. Of bytes that cannot
// be unpacked each line says so: whoever counts lines misses none, and reads on behind them.
class ShownLineReader {
 public:
  explicit ShownLineReader(const store::LogChunk& chunk);
  ShownLineReader(ShownLineReader&&) = default;
  ShownLineReader& operator=(ShownLineReader&&) = default;
  std::optional<ShownLine> Next();
  // Passes over lines; whether there were that many.
  bool Skip(std::uint64_t lines);

 private:
  std::uint64_t next_;
  std::uint64_t last_;
  bool damaged_ = false;
  std::vector<job::LogFrame> frames_;
  job::LineReader lines_{{}};
};

std::string_view StreamName(const ShownLine& line);  // "out" or "err"

}  // namespace prov::panel
