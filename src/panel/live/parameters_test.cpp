#include "panel/live/parameters.hpp"

#include <gtest/gtest.h>

namespace prov::panel {
namespace {

net::Request Get(const std::string& target) {
  net::Request request{.method = "GET"};
  EXPECT_TRUE(net::SetTarget(request, target)) << target;
  return request;
}

template <class Read>
std::string Refusal(Read read, const net::Request& request) {
  std::vector<net::FieldError> faults;
  read(request, faults);
  std::string text;
  for (const auto& fault : faults) text += fault.field + ":" + fault.rule + " ";
  return text;
}

TEST(LiveParameters, LogQuery_HostileValues_AreNamedAllAtOnce) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"?attempt=1&from=7&limit=100000", ""},
      {"?attempt=0", "attempt:range "},
      {"?attempt=1001", "attempt:range "},
      {"?attempt=", "attempt:range "},
      {"?from=0", "from:range "},
      {"?from=-1", "from:range "},
      {"?from=1.5", "from:range "},
      {"?from=+1", "from:range "},
      {"?from=0x10", "from:range "},
      {"?from=9007199254740992", "from:range "},
      {"?from=99999999999999999999999", "from:range "},
      {"?limit=0", "limit:range "},
      {"?limit=100001", "limit:range "},
      {"?limit=1%27%20OR%201=1", "limit:range "},
      {"?limit=1&limit=2", "limit:repeated "},
      {"?by=line", ""},
      {"?by=run", ""},
      {"?by=", "by:enum "},
      {"?by=runs", "by:enum "},
      {"?by=run&by=run", "by:repeated "},
      {"?form=5", "form:unknown "},
      {"?attempt=x&from=y&limit=z", "attempt:range from:range limit:range "},
  };
  for (const auto& [query, refusal] : rows)
    EXPECT_EQ(Refusal(ReadLogQuery, Get("/log" + query)), refusal) << query;
}

TEST(LiveParameters, LogQuery_Accept_ChoosesTheOneThatIsPreferred) {
  const std::vector<std::pair<std::string, bool>> rows{
      {"", false},
      {"*/*", false},
      {"text/plain", true},
      {"TEXT/PLAIN; charset=utf-8", true},
      {"text/*", true},
      {"application/json", false},
      {"text/plain, application/json", false},
      {"application/json;q=0.5, text/plain", true},
      {"text/plain;q=0.2, */*;q=0.3", false},
      {"text/plain;q=0", false},
      {"text/html", false},
      {"text/plain;q=0.9, application/json;q=0.95", false},
      {";;,,q=", false},
  };
  for (const auto& [accept, text] : rows) {
    auto request = Get("/log");
    if (!accept.empty()) request.headers.Set("Accept", accept);
    std::vector<net::FieldError> faults;
    EXPECT_EQ(ReadLogQuery(request, faults).form, text ? LogForm::kText : LogForm::kLines)
        << accept;
    EXPECT_TRUE(net::SetTarget(request, "/log?by=run"));
    EXPECT_EQ(ReadLogQuery(request, faults).form, text ? LogForm::kText : LogForm::kRuns) << accept;
  }
}

TEST(LiveParameters, StreamQuery_LastEventId_WinsOverAfter) {
  auto request = Get("/stream?after=3");
  std::vector<net::FieldError> faults;
  EXPECT_EQ(ReadStreamQuery(request, faults), (StreamPosition{3, 0}));
  request.headers.Set("Last-Event-ID", "9.2");
  EXPECT_EQ(ReadStreamQuery(request, faults), (StreamPosition{9, 2}));
  EXPECT_TRUE(faults.empty());
  EXPECT_EQ(Refusal(ReadStreamQuery, Get("/stream?after=x")), "after:format ");
  EXPECT_EQ(Refusal(ReadStreamQuery, Get("/stream?after=1.5")), "after:format ");
  EXPECT_EQ(Refusal(ReadStreamQuery, Get("/stream?after=-1")), "after:format ");
  EXPECT_EQ(Refusal(ReadStreamQuery, Get("/stream?after=1&after=2")), "after:repeated ");
  request.headers.Set("Last-Event-ID", "<script>");
  EXPECT_EQ(Refusal(ReadStreamQuery, request), "Last-Event-ID:format ");
}

TEST(LiveParameters, StreamsQuery_HostileValues_AreRefused) {
  const std::string a = "018f0000-0000-7000-8000-000000000001";
  std::string many = "/api/stream?jobs=";
  for (int i = 0; i < 101; ++i)
    many += (i ? "," : "") + std::string("018f0000-0000-7000-8000-0000000001") +
            std::string(1, static_cast<char>('0' + i / 10 % 10)) +
            (i < 100 ? std::string(1, static_cast<char>('0' + i % 10)) : "a");
  const std::vector<std::pair<std::string, std::string>> rows{
      {"/api/stream", "jobs:required "},
      {"/api/stream?jobs=", "jobs:format "},
      {"/api/stream?jobs=x", "jobs:format "},
      {"/api/stream?topics=jobs&from=yesterday", "from:enum "},
      {"/api/stream?topics=jobs&from=now", ""},
      {"/api/stream?jobs=" + a + ",", "jobs:format "},
      {"/api/stream?jobs=" + a + "," + a, ""},
      {many, "jobs:range "},
      {"/api/stream?topics=", "topics:enum "},
      {"/api/stream?topics=users", "topics:enum "},
      {"/api/stream?topics=jobs,servers", ""},
      {"/api/stream?topics=jobs&after=zzz", "after:format "},
      {"/api/stream?topics=jobs&after=" + std::string(5000, 'A'), "after:format "},
  };
  for (const auto& [target, refusal] : rows)
    EXPECT_EQ(Refusal(ReadStreamsQuery, Get(target)), refusal) << target;
}

TEST(LiveParameters, StreamsQuery_Position_AppliesToTheJobsItKnows) {
  const auto a = *Uuid::Parse("018f0000-0000-7000-8000-000000000001");
  const auto b = *Uuid::Parse("018f0000-0000-7000-8000-000000000002");
  std::vector<net::FieldError> faults;
  const auto query = ReadStreamsQuery(Get("/api/stream?jobs=" + a.ToString() + "," + b.ToString() +
                                          "&after=" + FormatPositions({{b, {4, 0}}})),
                                      faults);
  EXPECT_TRUE(faults.empty());
  EXPECT_EQ(query.jobs, (std::vector<JobPosition>{{a, {}}, {b, {4, 0}}}));
}

}  // namespace
}  // namespace prov::panel
