#include "job/log_lines.hpp"

#include <array>

namespace prov::job {
namespace {

// Where to cut `text`, which is longer than `limit`, so that no UTF-8 sequence is torn.
std::size_t CutAt(std::string_view text, std::size_t limit) {
  std::size_t at = limit;
  while (at > limit - 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at > limit - 4 ? at : limit;  // bytes that are no UTF-8 are cut anywhere
}

// Takes pieces and tells `emit` of each line as it ends.
template <class Emit>
class Splitter {
 public:
  explicit Splitter(Emit emit) : emit_(std::move(emit)) {}

  void Take(const LogFrame& frame) {
    auto& side = sides_[static_cast<std::size_t>(frame.stream) - 1];
    std::string_view rest = frame.bytes;
    while (!rest.empty()) {
      const auto newline = rest.find('\n');
      if (side.text.empty()) side.time = frame.time;
      side.text.append(rest.substr(0, newline));
      side.open = true;
      while (side.text.size() > kLongestShownLine) {
        const auto at = CutAt(side.text, kLongestShownLine);
        emit_(LogLine{side.time, frame.stream, side.text.substr(0, at), false});
        side.text.erase(0, at);
        side.time = frame.time;
      }
      if (newline == rest.npos) break;
      emit_(LogLine{side.time, frame.stream, std::exchange(side.text, {}), true});
      side.open = false;
      rest.remove_prefix(newline + 1);
    }
  }

  void End() {
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      auto& side = sides_[i];
      if (!side.open) continue;
      emit_(LogLine{side.time, static_cast<Stream>(i + 1), std::exchange(side.text, {}), false});
      side.open = false;
    }
  }

 private:
  struct Side {
    WallTime time{};
    std::string text;
    bool open = false;
  };
  Emit emit_;
  std::array<Side, 3> sides_;
};

}  // namespace

std::vector<LogLine> SplitLines(const std::vector<LogFrame>& frames) {
  std::vector<LogLine> lines;
  Splitter splitter([&lines](LogLine line) { lines.push_back(std::move(line)); });
  for (const auto& frame : frames) splitter.Take(frame);
  splitter.End();
  return lines;
}

std::uint64_t CountLines(const std::vector<LogFrame>& frames) {
  std::uint64_t count = 0;
  Splitter splitter([&count](const LogLine&) { ++count; });
  for (const auto& frame : frames) splitter.Take(frame);
  splitter.End();
  return count;
}

}  // namespace prov::job
