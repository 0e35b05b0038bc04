// The frames of a stream that begins at a position, from all changes of its job.
#pragma once

#include <utility>
#include <vector>

#include "panel/live/stream_frame.hpp"

namespace prov::test {

inline std::vector<panel::StreamFrame> FramesAfter(const std::vector<store::Change>& changes,
                                                   panel::StreamPosition at) {
  std::vector<panel::StreamFrame> frames;
  panel::FrameMaker maker(at);
  for (const auto& change : changes) {
    if (change.seq <= at.seq) continue;
    maker.Load(change);
    while (auto frame = maker.Next()) frames.push_back(std::move(*frame));
  }
  if (auto frame = maker.Flush()) frames.push_back(std::move(*frame));
  return frames;
}

}  // namespace prov::test
