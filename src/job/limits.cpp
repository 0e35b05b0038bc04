#include "job/limits.hpp"

#include <string_view>

#include <fmt/format.h>

namespace prov::job {
namespace {

using Sentence = std::optional<std::string>;

Sentence Bounded(std::string_view what, std::size_t given, std::size_t most) {
  if (given <= most) return std::nullopt;
  return fmt::format("it has {} {}, and {} are allowed", given, what, most);
}

std::size_t BytesOf(const std::vector<LeftRunning>& processes) {
  std::size_t bytes = 0;
  for (const auto& each : processes) bytes += each.comm.size() + each.unit.value_or("").size();
  return bytes;
}

Sentence TooMuch(const StateChange& state) {
  const auto& left = state.left_running;
  if (auto why = TooMuch(state.outputs)) return why;
  if (auto why = Bounded("processes left running", left.size(), kMostLeftRunning)) return why;
  if (auto why = Bounded("bytes of processes left running", BytesOf(left), kMostLeftRunningBytes))
    return why;
  return Bounded("bytes of reason", state.reason.value_or("").size(), kMostReasonBytes);
}

}  // namespace

Sentence TooMuch(const std::vector<Output>& outputs) {
  if (auto why = Bounded("outputs", outputs.size(), kMostOutputs)) return why;
  std::size_t bytes = 0;
  for (const auto& each : outputs)
    bytes += each.name.size() + each.label.size() + each.value.value_or("").size();
  return Bounded("bytes of outputs", bytes, kMostOutputBytes);
}

Sentence TooMuch(const Event& event) {
  if (event.state) return TooMuch(*event.state);
  if (event.progress)
    return Bounded("bytes of message", event.progress->message.size(), kMostMessageBytes);
  if (event.warning)
    return Bounded("bytes of warning", event.warning->text.size(), kMostMessageBytes);
  return std::nullopt;
}

}  // namespace prov::job
