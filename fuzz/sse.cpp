// Live streams: positions from any bytes (Last-Event-ID and the query), and what a client that goes
// on there is sent: the rest, without a gap or a double. The first byte: 'c' changes and where to
// go on, 'p' the bytes of a stream, as provisionctl reads them; otherwise a request: its target,
// and after a newline its Last-Event-ID.
#include "net/sse.hpp"

#include "fuzz/fuzz.hpp"
#include "job/log_chunk.hpp"
#include "panel/live/parameters.hpp"
#include "support/stream_frames.hpp"

namespace prov::fuzz {
namespace {

using namespace panel;

void CheckFaults(const std::vector<net::FieldError>& faults) {
  for (const auto& fault : faults)
    Require(!fault.rule.empty() && !fault.message.empty(), "a refusal says what is wrong");
}

void CheckOne(const net::Request& request) {
  std::vector<net::FieldError> faults;
  const auto position = ReadStreamQuery(request, faults);
  CheckFaults(faults);
  Require(!position || faults.empty() || faults.back().field != "Last-Event-ID",
          "a position is taken or refused");
  if (position)
    Require(ParsePosition(FormatPosition(*position)) == position, "a position is written and read");
}

void CheckSeveral(const net::Request& request) {
  std::vector<net::FieldError> faults;
  const auto query = ReadStreamsQuery(request, faults);
  CheckFaults(faults);
  if (!faults.empty()) return;
  Require(query.jobs.size() <= 100, "100 jobs at most");
  Require(query.jobs.size() + query.jobs_topic + query.servers_topic > 0,
          "a stream is of something");
  const auto id = FormatPositions(query.jobs);
  Require(id.size() <= 4096, "a position fits a header");
  Require(ParsePositions(id) == query.jobs, "positions are written and read");
}

void CheckRequest(std::string_view bytes) {
  net::Request request;
  const auto end = bytes.find('\n');
  if (!net::SetTarget(request, bytes.substr(0, end))) return;
  if (end != bytes.npos) {
    const auto header = bytes.substr(end + 1);
    request.headers.Set("Last-Event-ID", std::string(header));
    const auto position = ParsePosition(header);
    if (position) Require(FormatPosition(*position) == header, "a position has one spelling");
  }
  CheckOne(request);
  CheckSeveral(request);
  std::vector<net::FieldError> faults;
  const auto log = ReadLogQuery(request, faults);
  CheckFaults(faults);
  Require(log.from >= 1 && log.limit.value_or(1) >= 1, "lines count from 1");
}

std::string Repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (; times > 0; --times) all += text;
  return all;
}

std::vector<store::Change> Changes(Input& input) {
  std::vector<store::Change> changes(1 + input.Byte() % 6);
  std::uint32_t attempt = 1;
  std::uint64_t next_line = 1;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto& change = changes[i];
    change.seq = i + 1;
    const auto kind = input.Byte();
    if (kind % 4 == 0) {
      ++attempt;
      next_line = 1;
    }
    change.attempt = attempt;
    const auto line = input.Take(input.Byte() % 32) + "\n";
    const auto text = Repeated(line, kind % 4 == 1 ? input.Number() % 3000 : input.Byte() % 4);
    if (text.empty()) continue;
    std::string raw;
    job::AppendFrame(raw, {1, WallTime{}, static_cast<job::Stream>(1 + kind % 3), text});
    const auto frames = job::ParseFrames(raw).frames;
    const auto lines = job::CountLines(frames);
    change.log = store::LogChunk{next_line, lines,
                                 job::EncodeStored(job::PackFrames(raw).value(), raw.size())};
    next_line += lines;
  }
  return changes;
}

// Each line with its attempt and number, so that a gap, a double or another order is another text.
std::string Shown(std::span<const StreamFrame> frames) {
  std::string shown;
  for (const auto& frame : frames) {
    std::size_t at = 0;
    for (const auto& line : frame.lines) {
      const auto end = frame.output.find('\n', at);
      Require(end != std::string::npos, "each line has its text");
      shown +=
          fmt::format("{}.{} {}\n", frame.state.attempt, line.n, frame.output.substr(at, end - at));
      at = end + 1;
    }
    Require(at == frame.output.size(), "each text has its line");
  }
  return shown;
}

void CheckOverTheWire(std::span<const StreamFrame> frames) {
  std::string bytes;
  std::vector<net::SseEvent> sent;
  for (const auto& frame : frames) {
    sent.push_back({FormatPosition(frame.position), {}, FrameJson(frame, {})});
    bytes += net::FormatSse(sent.back());
  }
  net::SseParser parser;
  const auto got = parser.Feed(bytes);
  Require(got && *got == sent, "what is sent is received");
  Require(sent.empty() || parser.last_event_id() == sent.back().id,
          "a client goes on where it was");
}

void CheckChanges(Input input) {
  const auto changes = Changes(input);
  const auto whole = test::FramesAfter(changes, {});
  const auto all = Shown(whole);
  CheckOverTheWire(whole);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const auto at = ParsePosition(FormatPosition(whole[i].position));
    Require(at == whole[i].position, "a frame's position is read");
    const auto rest = test::FramesAfter(changes, *at);
    Require(Shown(std::span(whole).first(i + 1)) + Shown(rest) == all,
            "a stream resumes without a gap or a double");
    Require(rest.empty() || rest.back().position == whole.back().position,
            "it ends where the whole ends");
  }
  // A position that no frame had, as somebody may send it.
  const StreamPosition odd{input.Byte() % (changes.size() + 2), input.Number() % 4000};
  Require(all.ends_with(Shown(test::FramesAfter(changes, odd))),
          "what follows any position is the end of the whole");
}

void CheckStream(std::string_view bytes) {
  net::SseParser whole(4096);
  const auto events = whole.Feed(bytes);
  net::SseParser cut(4096);
  std::vector<net::SseEvent> found;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const auto some = cut.Feed(bytes.substr(at, 1));
    if (!some) return Require(!events, "a cut refuses nothing");
    found.insert(found.end(), some->begin(), some->end());
  }
  Require(events && *events == found && whole.last_event_id() == cut.last_event_id(),
          "a cut changes nothing");
}

}  // namespace

void FuzzSse(std::string_view bytes) {
  if (bytes.starts_with('c')) return CheckChanges(Input(bytes.substr(1)));
  if (bytes.starts_with('p')) return CheckStream(bytes.substr(1));
  CheckRequest(bytes);
}

}  // namespace prov::fuzz
