#include "panel/live/parameters.hpp"

#include <charconv>

#include <fmt/format.h>

namespace prov::panel {
namespace {

using Faults = std::vector<net::FieldError>;

// The value of `name`, where it is given once; "" is a value.
std::optional<std::string_view> One(const net::Request& request, std::string_view name,
                                    Faults& faults) {
  std::optional<std::string_view> found;
  for (const auto& [given, value] : request.query) {
    if (given != name) continue;
    if (found) {
      faults.push_back({std::string(name), "repeated", "It may be given only once."});
      return std::nullopt;
    }
    found = value;
  }
  return found;
}

void RefuseOthers(const net::Request& request, std::initializer_list<std::string_view> known,
                  Faults& faults) {
  for (const auto& [given, value] : request.query) {
    if (std::find(known.begin(), known.end(), given) == known.end())
      faults.push_back({given, "unknown", "There is no such parameter."});
  }
}

std::optional<std::uint64_t> Number(const net::Request& request, std::string_view name,
                                    std::uint64_t least, std::uint64_t most, Faults& faults) {
  const auto text = One(request, name, faults);
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  const auto end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || value < least || value > most) {
    faults.push_back({std::string(name), "range",
                      fmt::format("It must be a whole number from {} to {}.", least, most)});
    return std::nullopt;
  }
  return value;
}

// Numbers that JSON's readers keep exact.
constexpr std::uint64_t kMostLine = (std::uint64_t{1} << 53) - 1;

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// RFC 9110, 12.5.1: the weight (0..1000) that Accept gives a type; the most specific range counts.
int Weight(std::string_view accept, std::string_view type) {
  int weight = 0;
  int specific = 0;
  for (const auto range : Split(accept, ',')) {
    const auto parts = Split(range, ';');
    const auto name = Trim(parts[0]);
    const auto slash = type.substr(0, type.find('/') + 1);
    const int kind = net::EqualsIgnoringCase(name, type)                       ? 3
                     : net::EqualsIgnoringCase(name, std::string(slash) + "*") ? 2
                     : name == "*/*"                                           ? 1
                                                                               : 0;
    if (kind <= specific) continue;
    specific = kind;
    weight = 1000;
    for (const auto part : parts) {
      const auto parameter = Trim(part);
      if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
      weight = 0;
      int digit = 1000;
      for (const char c : parameter.substr(2)) {
        if (c == '.') continue;
        if (c < '0' || c > '9' || digit == 0) break;
        weight += (c - '0') * digit;
        digit /= 10;
      }
      weight = std::min(weight, 1000);
    }
  }
  return weight;
}

bool PrefersText(const net::Request& request) {
  std::string accept;
  for (const auto& [name, value] : request.headers.all()) {
    if (net::EqualsIgnoringCase(name, "Accept")) accept += (accept.empty() ? "" : ",") + value;
  }
  return Weight(accept, "text/plain") > Weight(accept, "application/json");
}

void ReadJobs(std::string_view text, StreamsQuery& query, Faults& faults) {
  for (const auto part : Split(text, ',')) {
    const auto id = Uuid::Parse(part);
    if (!id) {
      faults.push_back({"jobs", "format", "It must be job ids, separated by commas."});
      return;
    }
    const auto same = [&](const JobPosition& other) { return other.job == *id; };
    if (std::none_of(query.jobs.begin(), query.jobs.end(), same)) query.jobs.push_back({*id, {}});
  }
  if (query.jobs.size() > 100) faults.push_back({"jobs", "range", "It may name 100 jobs at most."});
}

void ReadTopics(std::string_view text, StreamsQuery& query, Faults& faults) {
  for (const auto part : Split(text, ',')) {
    if (part == "jobs") {
      query.jobs_topic = true;
    } else if (part == "servers") {
      query.servers_topic = true;
    } else {
      faults.push_back({"topics", "enum", "It must be jobs, servers, or both with a comma."});
      return;
    }
  }
}

LogForm ReadForm(const net::Request& request, Faults& faults) {
  const auto by = One(request, "by", faults).value_or("line");
  if (by != "line" && by != "run") faults.push_back({"by", "enum", "It must be line or run."});
  if (PrefersText(request)) return LogForm::kText;
  return by == "run" ? LogForm::kRuns : LogForm::kLines;
}

// The header wins: an EventSource that reconnects sends it, with the URL as it was.
std::optional<std::string> Resumption(const net::Request& request, Faults& faults,
                                      std::string& field) {
  const auto after = One(request, "after", faults);
  const auto header = request.headers.Find("Last-Event-ID");
  if (header && !header->empty()) {
    field = "Last-Event-ID";
    return std::string(*header);
  }
  field = "after";
  return after ? std::optional<std::string>(*after) : std::nullopt;
}

}  // namespace

LogQuery ReadLogQuery(const net::Request& request, Faults& faults) {
  LogQuery query;
  RefuseOthers(request, {"attempt", "from", "limit", "by"}, faults);
  if (const auto attempt = Number(request, "attempt", 1, 1000, faults))
    query.attempt = static_cast<std::uint32_t>(*attempt);
  query.from = Number(request, "from", 1, kMostLine, faults).value_or(1);
  query.limit = Number(request, "limit", 1, 100'000, faults);
  query.form = ReadForm(request, faults);
  return query;
}

std::optional<StreamPosition> ReadStreamQuery(const net::Request& request, Faults& faults) {
  RefuseOthers(request, {"after"}, faults);
  std::string field;
  const auto text = Resumption(request, faults, field);
  if (!text) return std::nullopt;
  const auto position = ParsePosition(*text);
  if (!position || (field == "after" && position->lines > 0)) {
    faults.push_back({field, "format", "It must be the id of an event of this stream."});
    return std::nullopt;
  }
  return position;
}

StreamsQuery ReadStreamsQuery(const net::Request& request, Faults& faults) {
  StreamsQuery query;
  RefuseOthers(request, {"jobs", "topics", "after", "from"}, faults);
  const auto jobs = One(request, "jobs", faults);
  const auto topics = One(request, "topics", faults);
  if (jobs) ReadJobs(*jobs, query, faults);
  if (topics) ReadTopics(*topics, query, faults);
  if (!jobs && !topics && faults.empty())
    faults.push_back({"jobs", "required", "Name jobs, or topics."});
  const auto from = One(request, "from", faults).value_or("start");
  if (from == "now") {
    for (auto& job : query.jobs) job.at = kNow;  // those that no position is given of below
  } else if (from != "start") {
    faults.push_back({"from", "enum", "It must be start or now."});
  }
  std::string field;
  const auto text = Resumption(request, faults, field);
  if (!text) return query;
  const auto positions = ParsePositions(*text);
  if (!positions) {
    faults.push_back({field, "format", "It must be the id of an event of such a stream."});
    return query;
  }
  query.resumes = true;
  for (auto& job : query.jobs) {
    for (const auto& known : *positions) {
      if (known.job == job.job) job.at = known.at;
    }
  }
  return query;
}

}  // namespace prov::panel
