#include "panel/live/log_route.hpp"

#include <sstream>

#include <gtest/gtest.h>

#include "panel/live/live_fixture_test.hpp"

namespace prov::panel {
namespace {

class LogRoute : public Live {
 public:
  // `lines` lines of a running attempt, 500 a chunk, in one transaction.
  void FillLog(const Uuid& id, std::uint64_t lines, std::size_t width) {
    const auto done = database_.Write([&](store::Transaction& t) -> Status {
      PROV_TRY(const auto record, t.jobs().Get({"ann"}, id));
      for (std::uint64_t first = 1; first <= lines; first += 500) {
        std::string text;
        for (auto n = first; n < std::min(first + 500, lines + 1); ++n)
          text += fmt::format("{:<{}}\n", n, width);
        const auto chunk = Chunk(first, {{first, clock_.Now(), job::Stream::kOut, text}});
        const auto applied = t.jobs().Apply({record.attempt, record.status}, job::Party::kAgent,
                                            record, clock_.Now(), chunk);
        if (!applied) return applied.error();
      }
      return {};
    });
    ASSERT_TRUE(done) << done.error().ToString();
  }

  // All bytes of the answer, as they came.
  std::string Download(const Uuid& id) {
    std::string answer;
    const auto read = [](LogRoute& test, std::string target,
                         std::string& into) -> boost::asio::awaitable<void> {
      into = co_await test.Exchange("GET " + target +
                                    " HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n");
    };
    Run(read(*this, Path(id, "/log"), answer));
    return answer;
  }
};

TEST_F(LogRoute, LogRoute_AsJson_HasLinesAndWhereToGoOn) {
  Serve();
  const auto id = NewJob();
  Start(id);
  Log(id, 1, "one\ntwo\n");
  Log(id, 3, "oh\n", job::Stream::kErr);
  const auto time = FormatTime(clock_.Now());
  const auto line = [&](int n, std::string_view s, std::string_view text) {
    return fmt::format(R"({{"n":{},"attempt":1,"t":"{}","s":"{}","text":"{}"}})", n, time, s, text);
  };
  auto response = Get(Path(id, "/log"));
  EXPECT_EQ(response.headers.Find("Content-Type"), "application/json");
  EXPECT_EQ(response.body, R"({"lines":[)" + line(1, "out", "one") + "," + line(2, "out", "two") +
                               "," + line(3, "err", "oh") +
                               R"(],"next":4,"complete":false,"dropped_bytes":0})");
  EXPECT_EQ(Get(Path(id, "/log?from=2&limit=1")).body,
            R"({"lines":[)" + line(2, "out", "two") +
                R"(],"next":3,"complete":false,"dropped_bytes":0})");
  EXPECT_EQ(Get(Path(id, "/log?from=9")).body,
            R"({"lines":[],"next":9,"complete":false,"dropped_bytes":0})");
  Change(id, [](job::Record& record) {
    record.status = job::Status::kSucceeded;
    record.log = {3, 11, true, 0, {}};
  });
  EXPECT_TRUE(GetJson(Path(id, "/log")).at("next").is_null());
  EXPECT_TRUE(GetJson(Path(id, "/log?limit=3")).at("next").is_null());
  EXPECT_EQ(GetJson(Path(id, "/log?limit=2")).at("next"), 3);
  EXPECT_EQ(GetJson(Path(id, "/log")).at("complete"), true);
}

TEST_F(LogRoute, LogRoute_ByRun_HasTheSameLinesAsColumns) {
  Serve();
  const auto id = NewJob();
  EXPECT_EQ(Get(Path(id, "/log?by=run")).body,
            R"({"attempt":0,"runs":[],"next":1,"complete":false,"dropped_bytes":0})");
  Start(id);
  const auto at = clock_.Now();
  const auto later = at + Millis{25};
  using job::Stream;
  Change(
      id, [](job::Record&) {}, job::Party::kAgent,
      Chunk(1, {{1, at, Stream::kOut, "one\n\n"},
                {2, later, Stream::kOut, "\"3\"\r\n"},
                {3, at, Stream::kErr, "oh\n"},
                {4, at, Stream::kOut, "five\n"}}));
  Log(id, 6, "\x1b[1msix");
  const auto ms = at.time_since_epoch().count();
  const auto run = [&](int n, std::string_view s, std::string_view later_times,
                       std::string_view text) {
    return fmt::format(R"({{"n":{},"s":"{}","t":[{}{}],"text":"{}"}})", n, s, ms, later_times,
                       text);
  };
  const auto page = [](const std::string& runs, int next) {
    return fmt::format(
        R"({{"attempt":1,"runs":[{}],"next":{},"complete":false,"dropped_bytes":0}})", runs, next);
  };
  // A chunk's last line ends with it, and so does a run.
  EXPECT_EQ(Get(Path(id, "/log?by=run")).body,
            page(run(1, "out", ",0,25", R"(one\n\n\"3\"\r)") + "," + run(4, "err", "", "oh") + "," +
                     run(5, "out", "", "five") + "," + run(6, "out", "", R"(\u001b[1msix)"),
                 7));
  EXPECT_EQ(Get(Path(id, "/log?by=run&from=2&limit=1")).body, page(run(2, "out", "", ""), 3));
  EXPECT_EQ(Get(Path(id, "/log?by=run&from=4&limit=2")).body,
            page(run(4, "err", "", "oh") + "," + run(5, "out", "", "five"), 6));
  EXPECT_EQ(Get(Path(id, "/log?by=run"), "text/plain").body,
            "one\n\n\"3\"\r\noh\nfive\n\x1b[1msix");
}

TEST_F(LogRoute, LogRoute_BytesMissing_IsNotComplete) {
  Serve();
  const auto id = NewJob();
  Start(id);
  Change(id, [](job::Record& record) {
    record.status = job::Status::kSucceeded;
    record.log = {3, 11, true, 77, {}};
  });
  const auto page = GetJson(Path(id, "/log"));
  EXPECT_EQ(page.at("complete"), false);
  EXPECT_EQ(page.at("dropped_bytes"), 77);
  EXPECT_TRUE(page.at("next").is_null());
}

TEST_F(LogRoute, LogRoute_AsText_IsWhatWasPrinted) {
  Serve();
  const auto id = NewJob();
  Start(id);
  const std::string wide(100'000, 'w');
  Change(
      id, [](job::Record&) {}, job::Party::kAgent,
      Chunk(1, {{1, clock_.Now(), job::Stream::kOut, "a\r\n\x1b[1m<b>\n"},
                {2, clock_.Now(), job::Stream::kOut, wide + "\n"},
                {3, clock_.Now(), job::Stream::kOut, "no newline"}}));
  const auto response = Get(Path(id, "/log"), "text/plain");
  EXPECT_EQ(response.headers.Find("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(response.headers.Find("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response.body, "a\r\n\x1b[1m<b>\n" + wide + "\nno newline");
  EXPECT_EQ(Get(Path(id, "/log?from=2&limit=1"), "text/plain").body, "\x1b[1m<b>\n");
}

TEST_F(LogRoute, LogRoute_Attempt_IsTheLatestUnlessGiven) {
  Serve();
  const auto id = NewJob();
  EXPECT_EQ(Get(Path(id, "/log")).body,
            R"({"lines":[],"next":1,"complete":false,"dropped_bytes":0})");
  Start(id);
  Log(id, 1, "first\n");
  To(id, job::Status::kRetryWait);
  Change(id, [](job::Record& record) {
    record.status = job::Status::kRunning;
    record.attempt = 2;
  });
  Log(id, 1, "second\n");
  EXPECT_EQ(Get(Path(id, "/log"), "text/plain").body, "second\n");
  EXPECT_EQ(Get(Path(id, "/log?attempt=1"), "text/plain").body, "first\n");
  EXPECT_EQ(GetJson(Path(id, "/log?attempt=1")).at("complete"), true);
  EXPECT_EQ(Get(Path(id, "/log?attempt=3")).status, 404);
}

TEST_F(LogRoute, LogRoute_OfALogThatWasRemoved_SaysSoAndWhen) {
  Serve();
  const auto id = NewJob();
  Start(id);
  Log(id, 1, "gone\n");
  To(id, job::Status::kSucceeded);
  RemoveLogs();
  const auto removed_at = FormatTime(clock_.Now());
  for (const auto* accept : {"application/json", "text/plain"}) {
    for (const auto* query : {"", "?from=2", "?attempt=1"}) {
      const auto response = Get(Path(id, "/log") + query, accept);
      EXPECT_EQ(response.status, 410);
      EXPECT_EQ(response.headers.Find("Content-Type"), "application/problem+json");
      const auto problem = boost::json::parse(response.body);
      EXPECT_EQ(problem.at("code"), "log_removed");
      EXPECT_NE(problem.at("detail").as_string().find(removed_at), std::string::npos)
          << problem.at("detail");
    }
  }
  EXPECT_EQ(errors_, 0U);
}

TEST_F(LogRoute, LogRoute_WhatIsWrong_IsAProblem) {
  Serve();
  const auto id = NewJob();
  EXPECT_EQ(Get("/api/jobs/nonsense/log").status, 404);
  clock_.Advance(Millis{1});
  EXPECT_EQ(Get(Path(Uuid::MakeV7(clock_, random_), "/log")).status, 404);
  const auto refused = Get(Path(id, "/log?limit=0&from=x"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.headers.Find("Content-Type"), "application/problem+json");
  EXPECT_EQ(boost::json::parse(refused.body).at("errors").as_array().size(), 2u);
  database_.fail_after = 0;
  EXPECT_EQ(Get(Path(id, "/log")).status, 503);
  EXPECT_EQ(errors_, 1u);
}

TEST_F(LogRoute, LogRoute_ManyLinesByRun_AreReadInPagesWithoutAGap) {
  Serve();
  const auto id = NewJob();
  Start(id);
  FillLog(id, 100'000, 60);
  std::uint64_t next = 1;
  for (int pages = 0; next <= 100'000 && pages < 10; ++pages) {
    const auto page = GetJson(Path(id, fmt::format("/log?by=run&from={}&limit=33333", next)));
    for (const auto& run : page.at("runs").as_array()) {
      ASSERT_EQ(run.at("n"), next);
      std::istringstream texts(std::string(run.at("text").as_string()));
      std::size_t lines = 0;
      for (std::string text; std::getline(texts, text); ++lines)
        ASSERT_TRUE(text.starts_with(std::to_string(next++) + " ")) << text;
      ASSERT_EQ(run.at("t").as_array().size(), lines);
    }
    ASSERT_EQ(page.at("next"), next);
  }
  EXPECT_EQ(next, 100'001u);
}

TEST_F(LogRoute, LogRoute_ManyLines_AreReadInPagesWithoutAGap) {
  Serve();
  const auto id = NewJob();
  Start(id);
  FillLog(id, 200'000, 60);
  std::int64_t next = 1;
  int pages = 0;
  while (next <= 200'000 && pages < 100) {
    const auto page = GetJson(Path(id, fmt::format("/log?from={}&limit=33333", next)));
    ++pages;
    for (const auto& line : page.at("lines").as_array()) {
      ASSERT_EQ(line.at("n"), next);
      ASSERT_TRUE(line.at("text").as_string().starts_with(std::to_string(next) + " "));
      ++next;
    }
    ASSERT_EQ(page.at("next"), next);
  }
  EXPECT_EQ(next, 200'001);
  EXPECT_EQ(pages, 7);
}

// Memory stays flat: what is not taken is not read from the store.
TEST_F(LogRoute, LogRoute_AReaderThatStops_IsWaitedForAndThenGetsAllTheRest) {
  Serve();
  const auto id = NewJob();
  Start(id);
  FillLog(id, 200'000, 99);
  std::string all;
  std::size_t held = 0;
  const auto read = [](LogRoute& test, Uuid job, std::string& into,
                       std::size_t& reads) -> boost::asio::awaitable<void> {
    auto socket = Tcp::socket(test.io_);
    socket.open(Tcp::v4());
    socket.set_option(boost::asio::socket_base::receive_buffer_size(64 * 1024));
    co_await socket.async_connect(
        {boost::asio::ip::make_address("127.0.0.1"), test.server_->port()},
        boost::asio::use_awaitable);
    const auto request =
        "GET " + test.Path(job, "/log") + " HTTP/1.0\r\nHost: x\r\nAccept: text/plain\r\n\r\n";
    co_await boost::asio::async_write(socket, boost::asio::buffer(request),
                                      boost::asio::use_awaitable);
    // Until nothing is read any more, because nobody takes it.
    for (int still = 0; still < 20;) {
      const auto before = test.database_.reads;
      co_await test.Pause(10);
      still = before > 0 && before == test.database_.reads ? still + 1 : 0;
    }
    reads = test.database_.reads;
    into = co_await test.ReadUntil(socket);
  };
  Run(read(*this, id, all, held));
  const auto total = database_.reads;
  EXPECT_GE(total, 25u);  // 400 chunks, 16 a page
  EXPECT_LT(held, total / 2) << "of " << total;
  const auto body = all.substr(all.find("\r\n\r\n") + 4);
  EXPECT_EQ(std::ranges::count(body, '\n'), 200'000);
  EXPECT_EQ(body.size(), 200'000u * 100);
}

TEST_F(LogRoute, LogRoute_OfALogThatIsRemovedMeanwhile_TheBodyIsSeenToBeCut) {
  Serve();
  const auto id = NewJob();
  Start(id);
  FillLog(id, 100'000, 100);
  To(id, job::Status::kSucceeded);
  database_.before_read = [&, at = database_.reads + 4](std::size_t reads) {
    if (reads == at) RemoveLogs();
  };
  const auto answer = Download(id);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200"));
  EXPECT_FALSE(answer.ends_with("0\r\n\r\n"));
}

TEST_F(LogRoute, LogRoute_StoreFailsInTheMiddle_TheBodyIsSeenToBeCut) {
  Serve();
  const auto id = NewJob();
  Start(id);
  FillLog(id, 100'000, 100);
  database_.fail_after = database_.reads + 4;
  const auto answer = Download(id);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200"));
  EXPECT_FALSE(answer.ends_with("0\r\n\r\n"));
  EXPECT_EQ(failures_.size(), 1u);
}

}  // namespace
}  // namespace prov::panel
