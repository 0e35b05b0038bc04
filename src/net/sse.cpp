#include "net/sse.hpp"

#include <charconv>

namespace prov::net {

namespace {

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c != '\r' && c != '\n' && c != '\0') line += c;
  }
  return line;
}

}  // namespace

std::string FormatSse(const SseEvent& event) {
  std::string frame;
  frame.reserve(event.id.size() + event.event.size() + event.data.size() + 64);
  if (!event.id.empty()) frame += "id: " + OneLine(event.id) + "\n";
  if (!event.event.empty()) frame += "event: " + OneLine(event.event) + "\n";
  frame += "data: ";
  if (event.data.find('\n') == event.data.npos && event.data.find('\r') == event.data.npos)
    return frame.append(event.data).append("\n\n");
  for (std::size_t i = 0; i < event.data.size(); ++i) {
    const char c = event.data[i];
    if (c == '\r' && i + 1 < event.data.size() && event.data[i + 1] == '\n') continue;
    if (c == '\n' || c == '\r') {
      frame += "\ndata: ";
    } else {
      frame += c;
    }
  }
  return frame + "\n\n";
}

std::string FormatSseComment(std::string_view text) { return ": " + OneLine(text) + "\n\n"; }

Result<std::vector<SseEvent>> SseParser::Feed(std::string_view bytes) {
  std::vector<SseEvent> events;
  for (const char c : bytes) {
    if (c == '\n' && std::exchange(after_cr_, false)) continue;
    after_cr_ = c == '\r';
    if (c == '\n' || c == '\r') {
      Line(line_, events);
      line_.clear();
    } else {
      line_ += c;
    }
    if (line_.size() + data_.size() > limit_) {
      return Error{ErrorCode::kTooLarge,
                   "an event of the stream is larger than " + std::to_string(limit_) + " bytes"};
    }
  }
  return events;
}

void SseParser::Line(std::string_view line, std::vector<SseEvent>& events) {
  if (std::exchange(first_line_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.empty()) {
    if (has_data_) {
      data_.pop_back();  // the line feed after the last data line
      events.push_back({last_event_id_, event_, data_});
    }
    data_.clear();
    event_.clear();
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    data_.append(value).append("\n");
    has_data_ = true;
  } else if (field == "event") {
    event_ = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    last_event_id_ = value;
  } else if (field == "retry") {
    long number = 0;
    const auto end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error == std::errc() && stop == end && number >= 0) retry_ = number;
  }
}

}  // namespace prov::net
