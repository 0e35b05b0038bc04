// All lines of a chunk at once, for tests of small ones.
#pragma once

#include <ostream>
#include <vector>

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "job/log_lines.hpp"

namespace prov::job {

inline void PrintTo(const LogLine& line, std::ostream* to) {
  *to << HexEncode(line.text).substr(0, 100) << (line.ended ? "" : " open");
}

inline std::vector<LogLine> LinesOf(const std::vector<LogFrame>& frames) {
  std::vector<LogLine> lines;
  LineReader reader(frames);
  while (auto line = reader.Next()) lines.push_back(std::move(*line));
  EXPECT_FALSE(reader.Next()) << "the end is the end";
  return lines;
}

}  // namespace prov::job
