// Server-sent events (WHATWG HTML, "Server-sent events"): frames out, and a bounded parser in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace prov::net {

struct SseEvent {
  std::string id;     // the last id seen, as Last-Event-ID would carry it
  std::string event;  // "" for "message"
  std::string data;
  bool operator==(const SseEvent&) const = default;
};

// One frame. Line breaks in data become further data lines; ids and names with line breaks or NUL
// lose them, so that no value can make a frame of its own.
std::string FormatSse(const SseEvent& event);
// ": text\n\n", which keeps a stream alive.
std::string FormatSseComment(std::string_view text);

// Takes bytes as they come and gives events as they become whole.
class SseParser {
 public:
  explicit SseParser(std::size_t limit = 1 << 20) : limit_(limit) {}
  // kTooLarge when a line or an event passes the limit; the stream is then of no more use.
  Result<std::vector<SseEvent>> Feed(std::string_view bytes);
  const std::string& last_event_id() const { return last_event_id_; }
  std::optional<long> retry_milliseconds() const { return retry_; }

 private:
  void Line(std::string_view line, std::vector<SseEvent>& events);

  std::size_t limit_;
  std::string line_;
  bool after_cr_ = false;
  bool first_line_ = true;
  std::string data_;
  bool has_data_ = false;
  std::string event_;
  std::string last_event_id_;
  std::optional<long> retry_;
};

}  // namespace prov::net
