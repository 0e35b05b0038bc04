// The query parameters of the live routes, checked: every fault at once, as a 422 names them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "net/http_message.hpp"
#include "net/problem.hpp"
#include "panel/live/stream_frame.hpp"

namespace prov::panel {

// How a log is written: each line by itself, lines that belong together as columns, or as printed.
enum class LogForm { kLines, kRuns, kText };

struct LogQuery {
  std::optional<std::uint32_t> attempt;  // 1..1000
  std::uint64_t from = 1;
  std::optional<std::uint64_t> limit;  // 1..100000
  LogForm form = LogForm::kLines;      // kText: Accept prefers text/plain to application/json
};
LogQuery ReadLogQuery(const net::Request& request, std::vector<net::FieldError>& faults);

// Last-Event-ID, or else ?after=; absent for a new stream.
std::optional<StreamPosition> ReadStreamQuery(const net::Request& request,
                                              std::vector<net::FieldError>& faults);

struct StreamsQuery {
  std::vector<JobPosition> jobs;  // 0..100, each once, with where it goes on; kNow with from=now
  bool resumes = false;           // a position was given
  bool jobs_topic = false;
  bool servers_topic = false;
};
StreamsQuery ReadStreamsQuery(const net::Request& request, std::vector<net::FieldError>& faults);

}  // namespace prov::panel
