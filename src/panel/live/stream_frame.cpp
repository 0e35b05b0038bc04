#include "panel/live/stream_frame.hpp"

#include <charconv>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace prov::panel {
namespace {

constexpr char kVersion = 1;

void PutVarint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
  to.push_back(static_cast<char>(value));
}

std::optional<std::uint64_t> TakeVarint(std::string_view& from) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 63 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// Digits only, without a leading zero, so that a position has one spelling.
std::optional<std::uint64_t> TakeNumber(std::string_view& from) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), value);
  const auto size = static_cast<std::size_t>(end - from.data());
  if (error != std::errc() || size > 15 || (size > 1 && from.front() == '0')) return std::nullopt;
  from.remove_prefix(size);
  return value;
}

std::optional<Uuid> TakeUuid(std::string_view& from) {
  if (from.size() < 16) return std::nullopt;
  const auto hex = HexEncode(from.substr(0, 16));
  from.remove_prefix(16);
  const std::string_view h = hex;
  auto id = Uuid::Parse(fmt::format("{}-{}-{}-{}-{}", h.substr(0, 8), h.substr(8, 4),
                                    h.substr(12, 4), h.substr(16, 4), h.substr(20)));
  return id ? std::optional(*id) : std::nullopt;
}

}  // namespace

std::string FormatPosition(const StreamPosition& position) {
  if (position.lines == 0) return std::to_string(position.seq);
  return fmt::format("{}.{}", position.seq, position.lines);
}

std::optional<StreamPosition> ParsePosition(std::string_view text) {
  StreamPosition position;
  const auto seq = TakeNumber(text);
  if (!seq) return std::nullopt;
  position.seq = *seq;
  if (text.empty()) return position;
  if (!text.starts_with('.')) return std::nullopt;
  text.remove_prefix(1);
  const auto lines = TakeNumber(text);
  if (!lines || *lines == 0 || !text.empty()) return std::nullopt;
  position.lines = *lines;
  return position;
}

std::string FormatPositions(const std::vector<JobPosition>& positions) {
  std::string bytes(1, kVersion);
  for (const auto& [job, at] : positions) {
    bytes.append(reinterpret_cast<const char*>(job.bytes().data()), job.bytes().size());
    PutVarint(bytes, at.seq);
    PutVarint(bytes, at.lines);
  }
  return Base64UrlEncode(bytes);
}

std::optional<std::vector<JobPosition>> ParsePositions(std::string_view text) {
  if (text.size() > 4096) return std::nullopt;
  const auto bytes = Base64UrlDecode(text);
  if (!bytes || bytes->empty() || bytes->front() != kVersion) return std::nullopt;
  std::string_view rest = *bytes;
  rest.remove_prefix(1);
  std::vector<JobPosition> positions;
  while (!rest.empty()) {
    const auto job = TakeUuid(rest);
    const auto seq = job ? TakeVarint(rest) : std::nullopt;
    const auto lines = seq ? TakeVarint(rest) : std::nullopt;
    if (!lines) return std::nullopt;
    positions.push_back({*job, {*seq, *lines}});
  }
  return positions;
}

std::string FrameJson(const StreamFrame& frame, const std::optional<Uuid>& job) {
  const auto& state = frame.state;
  boost::json::object data;
  if (job) data["job"] = job->ToString();
  data["seq"] = state.seq;
  data["status"] = json::EnumName(state.status);
  data["attempt"] = state.attempt;
  data["progress"] = nullptr;
  if (state.progress) data["progress"] = *state.progress;
  data["message"] = nullptr;
  if (state.message) data["message"] = *state.message;
  if (state.cancel_requested_at)
    data["cancel_requested_at"] = FormatTime(*state.cancel_requested_at);
  if (state.log_removed_at) data["log_removed_at"] = FormatTime(*state.log_removed_at);
  auto text = json::Serialize(data);
  text.pop_back();
  // Without a tree: a million lines are a million objects.
  text.reserve(text.size() + frame.output.size() + frame.output.size() / 8 +
               frame.lines.size() * 64 + 64);
  text += R"(,"output":)";
  json::AppendString(text, frame.output);
  text += R"(,"lines":[)";
  // Lines that came together have one time.
  std::optional<WallTime> formatted;
  std::string time;
  for (const auto& line : frame.lines) {
    if (formatted != line.time) time = FormatTime(*(formatted = line.time));
    text.append(R"({"n":)").append(fmt::format_int(line.n).c_str());
    text.append(R"(,"t":")").append(time);
    text.append(R"(","s":")").append(StreamName(line)).append(R"("},)");
  }
  if (!frame.lines.empty()) text.pop_back();
  return text += "]}";
}

void FrameMaker::Load(store::Change change) {
  lines_.reset();
  line_.reset();
  taken_ = std::exchange(skip_, 0);
  if (change.log) {
    lines_.emplace(*change.log);
    if (lines_->Skip(taken_)) line_ = lines_->Next();
  }
  change.log.reset();
  loaded_ = std::move(change);
}

std::optional<StreamFrame> FrameMaker::Next() {
  if (!loaded_) return std::nullopt;
  if (frame_ && frame_->state.attempt != loaded_->attempt) return std::exchange(frame_, {});
  if (!frame_) frame_.emplace();
  frame_->state = *loaded_;
  while (line_ && !Full()) {
    frame_->output.append(line_->text).push_back('\n');
    line_->text.clear();
    frame_->lines.push_back(std::move(*line_));
    line_ = lines_->Next();
    ++taken_;
  }
  if (line_) {
    frame_->position = {loaded_->seq - 1, taken_};
    return std::exchange(frame_, {});
  }
  frame_->position = {loaded_->seq, 0};
  loaded_.reset();
  if (Full()) return std::exchange(frame_, {});
  return std::nullopt;
}

std::optional<StreamFrame> FrameMaker::Flush() { return std::exchange(frame_, {}); }

}  // namespace prov::panel
