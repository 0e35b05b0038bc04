#include "panel/live/stream_session.hpp"

#include <deque>

#include <gtest/gtest.h>

#include "panel/live/live_fixture_test.hpp"
#include "panel/live/shared_pages.hpp"
#include "store/sqlite/database.hpp"
#include "support/temporary_directory.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

class Streams : public Live {
 public:
  // A finished job of two attempts, with progress, both streams and a frame's cut; its text.
  Uuid Finished() {
    const auto id = NewJob();
    Start(id);
    for (int i = 0; i < 6; ++i) {
      Log(id, static_cast<std::uint64_t>(1 + 2 * i), fmt::format("first {}\nof two\n", i));
      Change(id, [&](job::Record& record) { record.progress = 10 * i; });
    }
    To(id, job::Status::kRetryWait);
    Change(id, [](job::Record& record) {
      record.status = job::Status::kRunning;
      record.attempt = 2;
      record.progress.reset();
    });
    std::string many;
    for (int i = 0; i < 2300; ++i) many += fmt::format("many {}\n", i);
    Log(id, 1, many);
    Log(id, 2301, "\x1b[2J</script>\xff\n", job::Stream::kErr);
    To(id, job::Status::kSucceeded);
    return id;
  }

  struct Told {
    std::string output;                                        // of all attempts
    std::vector<std::pair<std::int64_t, std::int64_t>> lines;  // attempt, n
    std::string status;
    bool operator==(const Told&) const = default;
    void Take(const boost::json::value& data) {
      output += data.at("output").as_string();
      for (const auto& line : data.at("lines").as_array())
        lines.emplace_back(data.at("attempt").as_int64(), line.at("n").as_int64());
      status = data.at("status").as_string();
    }
  };
  static Told TellAll(const std::vector<net::SseEvent>& events) {
    Told told;
    for (const auto& event : events) told.Take(boost::json::parse(event.data));
    return told;
  }

  // As another panel does it: in the store only.
  void CancelElsewhere(const Uuid& id) {
    const auto done = database_.Write([&](store::Transaction& t) -> Result<std::uint64_t> {
      PROV_TRY(auto record, t.jobs().Get({"ann"}, id));
      record.status = job::Status::kCanceled;
      return t.jobs().Apply({0, job::Status::kQueued}, job::Party::kPanel, record, clock_.Now());
    });
    EXPECT_TRUE(done) << done.error().ToString();
  }

  // An open stream that is read event by event.
  struct Reader {
    std::unique_ptr<net::ClientStream> stream;
    net::SseParser parser;
    std::deque<net::SseEvent> events;
    bool ended = false;
  };
  asio::awaitable<void> Open(std::string target, Reader& reader, std::string last_event_id = "") {
    net::ClientRequest request{.target = std::move(target)};
    if (!last_event_id.empty()) request.headers.Set("Last-Event-ID", last_event_id);
    auto stream = co_await client_->Open(std::move(request));
    if (!stream) throw std::runtime_error(stream.error().ToString());
    reader.stream = std::move(*stream);
  }
  // The next event; absent at the stream's end.
  asio::awaitable<std::optional<net::SseEvent>> Next(Reader& reader) {
    while (reader.events.empty()) {
      auto bytes = co_await reader.stream->Read();
      if (!bytes || bytes->empty()) {
        reader.ended = true;
        co_return std::nullopt;
      }
      for (auto& event : *reader.parser.Feed(*bytes)) reader.events.push_back(std::move(event));
    }
    auto event = std::move(reader.events.front());
    reader.events.pop_front();
    co_return event;
  }
  asio::awaitable<boost::json::value> NextData(Reader& reader) {
    auto event = co_await Next(reader);
    if (!event) throw std::runtime_error("the stream has ended");
    co_return boost::json::parse(event->data);
  }
};

TEST_F(Streams, Stream_ResumedAtEveryEvent_HasNoGapAndNoDouble) {
  Serve();
  const auto id = Finished();
  const auto whole = Get(Path(id, "/stream"));
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.headers.Find("Content-Type"), "text/event-stream");
  const auto events = Events(whole.body);
  ASSERT_GE(events.size(), 4u);  // two attempts, and more lines than a frame takes
  const auto all = TellAll(events);
  EXPECT_EQ(all.status, "succeeded");
  EXPECT_EQ(all.lines.size(), 12u + 2301u);
  EXPECT_TRUE(all.output.ends_with("\x1b[2J</script>\xEF\xBF\xBD\n"));
  for (std::size_t cut = 0; cut < events.size(); ++cut) {
    const auto resumed = Get(Path(id, "/stream"), "", events[cut].id);
    if (cut + 1 == events.size()) {
      EXPECT_EQ(resumed.status, 204);
      continue;
    }
    auto both = std::vector(events.begin(), events.begin() + static_cast<long>(cut) + 1);
    for (auto& event : Events(resumed.body)) both.push_back(std::move(event));
    EXPECT_EQ(TellAll(both), all) << "after " << events[cut].id;
  }
}

TEST_F(Streams, Stream_OfALogThatWasRemoved_SaysSoAtEveryPositionAndTellsTheRest) {
  Serve();
  const auto id = Finished();
  const auto before = Events(Get(Path(id, "/stream")).body);
  RemoveLogs();
  const auto removed_at = FormatTime(clock_.Now());
  const auto is_told = [&](const net::ClientResponse& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    const auto events = Events(response.body);
    ASSERT_FALSE(events.empty());
    for (const auto& event : events) {
      const auto frame = boost::json::parse(event.data);
      EXPECT_EQ(frame.at("log_removed_at"), boost::json::value(removed_at)) << event.data;
      EXPECT_TRUE(frame.at("lines").as_array().empty());
    }
    EXPECT_EQ(TellAll(events).status, "succeeded");
  };
  is_told(Get(Path(id, "/stream")));
  is_told(Get(Path(id, "/stream?after=3")));
  for (std::size_t i = 0; i + 1 < before.size(); ++i) {
    EXPECT_EQ(before[i].data.find("log_removed_at"), std::string::npos);
    is_told(Get(Path(id, "/stream"), "", before[i].id));
  }
  EXPECT_TRUE(std::ranges::any_of(before, [](const auto& event) {
    return event.id.find('.') != std::string::npos;
  })) << "a position within a chunk";
  EXPECT_EQ(Get(Path(id, "/stream"), "", before.back().id).status, 204);
  EXPECT_EQ(errors_, 0U);
}

TEST_F(Streams, Stream_ResumedAfterEverySequence_TellsExactlyWhatFollowed) {
  Serve();
  const auto id = Finished();
  const auto changes = *database_.Read(
      [&](store::Transaction& t) { return t.changes().After({"ann"}, id, 0, 1000); });
  const auto all = TellAll(Events(Get(Path(id, "/stream?after=0")).body));
  for (std::size_t seq = 0; seq < changes.size(); ++seq) {
    std::size_t before = 0;
    for (std::size_t i = 0; i < seq; ++i) before += changes[i].log ? changes[i].log->line_count : 0;
    const auto told = TellAll(Events(Get(Path(id, fmt::format("/stream?after={}", seq))).body));
    EXPECT_TRUE(all.output.ends_with(told.output));
    EXPECT_EQ(told.lines,
              std::vector(all.lines.begin() + static_cast<long>(before), all.lines.end()))
        << seq;
    EXPECT_EQ(told.status, "succeeded");
  }
  EXPECT_EQ(Get(Path(id, fmt::format("/stream?after={}", changes.size()))).status, 204);
  EXPECT_EQ(Get(Path(id, fmt::format("/stream?after={}", changes.size() + 1))).status, 422);
}

TEST_F(Streams, Stream_WhatIsWrong_IsAProblemBeforeItBegins) {
  Serve();
  const auto id = NewJob();
  clock_.Advance(Millis{1});
  EXPECT_EQ(Get("/api/jobs/x/stream").status, 404);
  EXPECT_EQ(Get(Path(Uuid::MakeV7(clock_, random_), "/stream")).status, 404);
  EXPECT_EQ(Get("/api/stream?jobs=" + Uuid::MakeV7(clock_, random_).ToString()).status, 404);
  EXPECT_EQ(Get(Path(id, "/stream"), "", "abc").status, 422);
  EXPECT_EQ(Get(Path(id, "/stream"), "", "1.5").status, 422);
  EXPECT_EQ(Get(Path(id, "/stream?after=2")).status, 422);
  EXPECT_EQ(Get("/api/stream").status, 422);
  EXPECT_EQ(Get("/api/stream?topics=jobs", "", "!").status, 422);
  database_.fail_after = 0;
  EXPECT_EQ(Get(Path(id, "/stream")).status, 503);
  EXPECT_EQ(streams_->open(), 0u);
}

TEST_F(Streams, Stream_Live_TellsEachChangeAndEndsWithTheJob) {
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open(test.Path(job, "/stream"), reader);
    auto data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("seq"), 1);
    EXPECT_EQ(data.at("status"), "queued");
    EXPECT_EQ(test.streams_->open(), 1u);
    test.Start(job);
    while (data.at("status") != "running") data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("seq"), 4);
    test.Log(job, 1, "hello\n");
    data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("output"), "hello\n");
    EXPECT_EQ(data.at("lines").at(0).at("s"), "out");
    const auto asked = test.clock_.Now();
    test.Change(job, [&](job::Record& record) { record.cancel_requested_at = asked; });
    data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("cancel_requested_at"), boost::json::value(FormatTime(asked)));
    test.To(job, job::Status::kCanceled);
    auto last = co_await test.Next(reader);
    EXPECT_TRUE(last);
    if (last) {
      EXPECT_EQ(last->id, "7");
      EXPECT_EQ(last->event, "");
    }
    EXPECT_FALSE(co_await test.Next(reader));
    EXPECT_EQ(test.streams_->open(), 0u);
    EXPECT_EQ(test.hub_.listeners(), 0u);
  };
  Run(follow(*this, id));
}

TEST_F(Streams, Stream_OfOneChangeWithManyLines_IsPageByPage) {
  Serve();
  const auto id = NewJob();
  Start(id);
  constexpr std::size_t kLines = 120'000;
  std::string text;
  for (std::size_t i = 0; i < kLines; ++i) text += "\n";
  Log(id, 1, text);
  SharedPages pages(gate_);
  const auto look = [&](StreamPosition at) -> asio::awaitable<SharedPages::Page> {
    auto page = co_await pages.After({{"ann"}, id, at, true}, std::chrono::steady_clock::now());
    co_return page ? *page : nullptr;
  };
  StreamPosition at;
  std::size_t lines = 0;
  std::size_t seen = 0;
  for (bool last = false; !last && seen < 200; ++seen) {
    SharedPages::Page page;
    Run([&]() -> asio::awaitable<void> { page = co_await look(at); }());
    ASSERT_TRUE(page);
    std::size_t bytes = 0;
    for (const auto& frame : page->frames) {
      bytes += frame.data.size();
      at = frame.position;
      lines += boost::json::parse(frame.data).at("lines").as_array().size();
    }
    EXPECT_LT(bytes, 700'000u);
    last = page->last;
  }
  EXPECT_EQ(lines, kLines);
  EXPECT_GT(seen, 4u);
}

// With answers that come from other threads.
TEST_F(Streams, Stream_OverSqlite_ResumedAtEveryEventHasNoGapAndNoDouble) {
  test::TemporaryDirectory directory;
  store::sqlite::Options options;
  options.path = directory.path() / "panel.db";
  database_.Use(*store::sqlite::SqliteDatabase::Open(options));
  Serve();
  const auto id = Finished();
  const auto events = Events(Get(Path(id, "/stream")).body);
  ASSERT_GE(events.size(), 4u);
  const auto all = TellAll(events);
  EXPECT_EQ(all.lines.size(), 12u + 2301u);
  for (std::size_t cut = 0; cut + 1 < events.size(); ++cut) {
    auto both = std::vector(events.begin(), events.begin() + static_cast<long>(cut) + 1);
    for (auto& event : Events(Get(Path(id, "/stream"), "", events[cut].id).body))
      both.push_back(std::move(event));
    EXPECT_EQ(TellAll(both), all) << "after " << events[cut].id;
  }
  EXPECT_EQ(Get(Path(id, "/log"), "text/plain").body,
            all.output.substr(all.output.find("many 0\n")));
}

TEST_F(Streams, Stream_Parked_EndsAndAResumeWaitsForALateResult) {
  Serve();
  const auto id = NewJob();
  Start(id);
  To(id, job::Status::kInterrupted);
  const auto events = Events(Get(Path(id, "/stream")).body);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(TellAll(events).status, "interrupted");
  const auto follow = [](Streams& test, Uuid job, std::string from) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open(test.Path(job, "/stream"), reader, from);
    EXPECT_EQ(reader.stream->status(), 200);
    while (test.streams_->open() == 0) co_await test.Pause(1);
    test.To(job, job::Status::kSucceeded);
    const auto data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("status"), "succeeded");
    EXPECT_FALSE(co_await test.Next(reader));
  };
  Run(follow(*this, id, events.back().id));
}

TEST_F(Streams, Stream_ManyChangesAtOnce_AreFewFrames) {
  limits_.batch = Millis{50};
  Serve();
  const auto id = NewJob();
  Start(id);
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open(test.Path(job, "/stream"), reader);
    co_await test.NextData(reader);
    for (std::uint64_t n = 1; n <= 10; ++n) test.Log(job, n, "x\n");
    std::string output;
    int frames = 0;
    while (output.size() < 20) {
      const auto data = co_await test.NextData(reader);
      output += data.at("output").as_string();
      ++frames;
    }
    EXPECT_EQ(output.size(), 20u);
    EXPECT_LE(frames, 2);
  };
  Run(follow(*this, id));
}

TEST_F(Streams, Stream_ManyReadersOfOneJob_ShareWhatIsReadAndMissNothing) {
  constexpr std::size_t kReaders = 60;
  limits_.batch = Millis{50};
  Serve();
  const auto id = NewJob();
  Start(id);
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    std::vector<Reader> readers(kReaders);
    for (auto& reader : readers) {
      co_await test.Open(test.Path(job, "/stream"), reader);
      co_await test.NextData(reader);
    }
    const auto before = test.database_.reads;
    std::string wanted;
    std::vector<std::string> told(kReaders);
    for (std::uint64_t n = 1; n <= 20; ++n) {
      test.Log(job, n, fmt::format("line {}\n", n));
      wanted += fmt::format("line {}\n", n);
      // Some are behind the others.
      for (std::size_t i = 0; i < kReaders; i += n % 3 + 1) {
        while (told[i].size() < wanted.size())
          told[i] += (co_await test.NextData(readers[i])).at("output").as_string();
      }
    }
    for (std::size_t i = 0; i < kReaders; ++i) {
      while (told[i].size() < wanted.size())
        told[i] += (co_await test.NextData(readers[i])).at("output").as_string();
      EXPECT_EQ(told[i], wanted);
    }
    EXPECT_LT(test.database_.reads - before, 20 * kReaders / 4);
  };
  Run(follow(*this, id));
}

// The first one's reading is still at hand when the second one comes.
TEST_F(Streams, Stream_OpenedAgainFromTheBeginning_KnowsWhatChangedMeanwhile) {
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader first;
    co_await test.Open(test.Path(job, "/stream"), first);
    co_await test.NextData(first);
    test.To(job, job::Status::kCanceled, job::Party::kPanel);
    while (co_await test.Next(first)) {
    }
    net::ClientResponse second;
    const auto began = std::chrono::steady_clock::now();
    co_await test.Fetch(test.Path(job, "/stream"), "", "", second);
    EXPECT_EQ(TellAll(Events(second.body)).status, "canceled");
    EXPECT_LT(std::chrono::steady_clock::now() - began, test.limits_.comment) << "it was not told";
  };
  Run(follow(*this, id));
}

TEST_F(Streams, Stream_Silence_IsBrokenByComments) {
  limits_.comment = Millis{10};
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    auto socket = co_await test.Dial(test.server_->port());
    const auto request = "GET " + test.Path(job, "/stream") + " HTTP/1.1\r\nHost: x\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    const auto bytes = co_await test.ReadUntil(socket, "\n: still here\n");
    EXPECT_NE(bytes.find("\n: still here\n"), std::string::npos);
    EXPECT_NE(bytes.find("retry: 1000"), std::string::npos);
  };
  Run(follow(*this, id));
}

TEST_F(Streams, Stream_AChangeNobodyWasToldOf_IsFoundWithTheNextComment) {
  limits_.comment = Millis{10};
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open(test.Path(job, "/stream"), reader);
    co_await test.NextData(reader);
    test.CancelElsewhere(job);
    const auto data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("status"), "canceled");
  };
  Run(follow(*this, id));
}

TEST_F(Streams, Stream_AChangeNobodyWasToldOf_IsFoundWhileThereIsMuchToSayOfAnotherJob) {
  limits_.comment = Millis{500};
  Serve();
  const auto talks = NewJob();
  const auto silent = NewJob();
  Start(talks);
  const auto follow = [](Streams& test, Uuid talks, Uuid silent) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open(
        "/api/stream?jobs=" + talks.ToString() + "," + silent.ToString() + "&from=now", reader);
    for (int first = 0; first < 2; ++first) co_await test.NextData(reader);
    test.CancelElsewhere(silent);
    bool found = false;
    const auto until = std::chrono::steady_clock::now() + Seconds{8};
    for (int i = 0; !found && std::chrono::steady_clock::now() < until; ++i) {
      test.Change(talks, [&](job::Record& record) { record.progress = i % 100; });
      const auto data = co_await test.NextData(reader);
      found = data.at("job") == boost::json::value(silent.ToString());
    }
    EXPECT_TRUE(found);
  };
  Run(follow(*this, talks, silent));
}

TEST_F(Streams, Stream_WhenSomethingMayHaveBeenMissed_LooksAtOnce) {
  limits_.comment = Seconds{60};  // not by itself
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open(test.Path(job, "/stream"), reader);
    co_await test.NextData(reader);
    test.CancelElsewhere(job);
    test.hub_.AnythingChanged();
    const auto data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("status"), "canceled");
  };
  Run(follow(*this, id));
}

TEST_F(Streams, Stream_StoreAway_GoesOnWhenItIsBack) {
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open(test.Path(job, "/stream"), reader);
    co_await test.NextData(reader);
    test.database_.fail_after = 0;
    test.hub_.JobChanged(job);
    while (test.errors_ < 3) co_await test.Pause(1);
    test.database_.fail_after.reset();
    test.To(job, job::Status::kCanceled, job::Party::kPanel);
    const auto data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("status"), "canceled");
    EXPECT_EQ(data.at("seq"), 2);
  };
  Run(follow(*this, id));
}

TEST_F(Streams, Stream_Closed_EndsEveryStreamAtOnceAndRefusesMore) {
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader one;
    Reader two;
    co_await test.Open(test.Path(job, "/stream"), one);
    co_await test.Open("/api/stream?topics=jobs", two);
    co_await test.NextData(one);
    co_await test.NextData(two);
    test.streams_->Close();
    EXPECT_FALSE(co_await test.Next(one));
    EXPECT_FALSE(co_await test.Next(two));
  };
  Run(follow(*this, id));
  EXPECT_EQ(streams_->open(), 0u);
  EXPECT_EQ(Get(Path(id, "/stream")).status, 503);
}

TEST_F(Streams, Stream_MoreThanMayBeOpen_AreRefused) {
  limits_.streams = 1;
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open(test.Path(job, "/stream"), reader);
    co_await test.NextData(reader);
    net::ClientResponse refused;
    co_await test.Fetch(test.Path(job, "/stream"), "", "", refused);
    EXPECT_EQ(refused.status, 429);
    EXPECT_TRUE(refused.headers.Find("Retry-After"));
  };
  Run(follow(*this, id));
}

// Nothing piles up for a reader that has stopped, and the write deadline drops it.
TEST_F(Streams, Stream_AReaderThatStops_IsDroppedAndMayResume) {
  Serve();
  const auto id = NewJob();
  Start(id);
  std::string text;
  for (int i = 0; i < 900; ++i) text += std::string(999, 'x') + "\n";
  for (std::uint64_t i = 0; i < 24; ++i) Log(id, 1 + 900 * i, text);
  const auto follow = [](Streams& test, Uuid job, std::string& got) -> asio::awaitable<void> {
    auto socket = Tcp::socket(test.io_);
    socket.open(Tcp::v4());
    socket.set_option(asio::socket_base::receive_buffer_size(64 * 1024));
    co_await socket.async_connect({asio::ip::make_address("127.0.0.1"), test.server_->port()},
                                  asio::use_awaitable);
    const auto request = "GET " + test.Path(job, "/stream") + " HTTP/1.0\r\nHost: x\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    got = co_await test.ReadUntil(socket, "\nid: ");
    for (int i = 0; i < 1000 && test.streams_->open() > 0; ++i) {
      test.clock_.Advance(Seconds{5});
      co_await test.Pause(10);
    }
    got += co_await test.ReadUntil(socket);
  };
  std::string got;
  Run(follow(*this, id, got));
  EXPECT_EQ(streams_->open(), 0u);
  EXPECT_LT(got.size(), 20u << 20);
  auto events = Events(got.substr(got.find("\r\n\r\n") + 4));
  ASSERT_FALSE(events.empty());
  To(id, job::Status::kSucceeded);
  for (auto& event : Events(Get(Path(id, "/stream"), "", events.back().id).body))
    events.push_back(std::move(event));
  const auto told = TellAll(events);
  EXPECT_EQ(told.lines.size(), 24u * 900u);
  for (std::size_t i = 0; i < told.lines.size(); ++i)
    ASSERT_EQ(told.lines[i].second, static_cast<std::int64_t>(i + 1));
}

TEST_F(Streams, Stream_AfterItsLifetime_EndsSoThatTheClientIsAskedAgain) {
  limits_.lifetime = Millis{20};
  limits_.comment = Millis{5};
  Serve();
  const auto id = NewJob();
  const auto events = Events(Get(Path(id, "/stream")).body);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].id, "1");
}

TEST_F(Streams, Stream_OfSeveral_NamesTheJobAndResumesOverAllOfThem) {
  Serve();
  const auto a = Finished();
  const auto b = Finished();
  const auto target = "/api/stream?jobs=" + a.ToString() + "," + b.ToString();
  const auto events = Events(Get(target).body);
  const auto by_job = [](const std::vector<net::SseEvent>& list) {
    std::map<std::string, Told> told;
    for (const auto& event : list) {
      const auto data = boost::json::parse(event.data);
      told[std::string(data.at("job").as_string())].Take(data);
    }
    return told;
  };
  const auto all = by_job(events);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all.at(a.ToString()), all.at(b.ToString()));
  EXPECT_EQ(all.at(a.ToString()).lines.size(), 12u + 2301u);
  for (std::size_t cut = 0; cut + 1 < events.size(); ++cut) {
    auto both = std::vector(events.begin(), events.begin() + static_cast<long>(cut) + 1);
    for (auto& event : Events(Get(target, "", events[cut].id).body)) both.push_back(event);
    EXPECT_EQ(by_job(both), all) << cut;
  }
  EXPECT_EQ(Get(target, "", events.back().id).status, 204);
}

TEST_F(Streams, Stream_FromNow_BeginsWithTheStateOfJobsWithoutAPosition) {
  Serve();
  const auto a = Finished();
  const auto b = Finished();
  const auto jobs = "/api/stream?jobs=" + a.ToString() + "," + b.ToString();
  const auto whole = Events(Get(jobs).body);
  const auto now = Events(Get(jobs + "&from=now").body);
  ASSERT_EQ(now.size(), 2u);
  for (const auto& event : now) {
    const auto data = boost::json::parse(event.data);
    EXPECT_EQ(data.at("status"), "succeeded");
    EXPECT_EQ(data.at("seq"), boost::json::parse(whole.back().data).at("seq"));
    EXPECT_EQ(data.at("output"), "") << "the end came without output";
  }
  EXPECT_EQ(now.back().id, whole.back().id);
  // A position counts more, also one before the first change.
  EXPECT_EQ(Events(Get(jobs + "&from=now", "", whole.front().id).body).size(), whole.size() - 1);
  EXPECT_EQ(Events(Get(jobs + "&from=start").body).size(), whole.size());
}

TEST_F(Streams, Stream_OfSeveral_OneThatIsOverDoesNotEndIt) {
  Serve();
  const auto over = NewJob();
  To(over, job::Status::kCanceled, job::Party::kPanel);
  const auto active = NewJob();
  const auto follow = [](Streams& test, Uuid done, Uuid other) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open("/api/stream?jobs=" + done.ToString() + "," + other.ToString(), reader);
    EXPECT_EQ((co_await test.NextData(reader)).at("status"), "canceled");
    const auto event = co_await test.Next(reader);
    EXPECT_TRUE(event);
    Reader resumed;
    co_await test.Open("/api/stream?jobs=" + done.ToString() + "," + other.ToString(), resumed,
                       event ? event->id : "");
    while (test.streams_->open() < 2) co_await test.Pause(1);
    test.To(other, job::Status::kCanceled, job::Party::kPanel);
    EXPECT_EQ((co_await test.NextData(reader)).at("job"), boost::json::value(other.ToString()));
    EXPECT_FALSE(co_await test.Next(reader));
    EXPECT_EQ((co_await test.NextData(resumed)).at("job"), boost::json::value(other.ToString()));
    EXPECT_FALSE(co_await test.Next(resumed));
  };
  Run(follow(*this, over, active));
}

// A position says of each job what was told before it: also where one's frame has to wait, and
// another's would find room.
TEST_F(Streams, Stream_OfSeveral_ToAReaderThatPauses_HasNoPositionAheadOfWhatItTold) {
  Serve({.stream_buffer = 200'000});
  const auto much = NewJob();
  const auto little = NewJob();
  Start(much);
  const auto follow = [](Streams& test, Uuid much, Uuid little,
                         std::string& got) -> asio::awaitable<void> {
    auto socket = Tcp::socket(test.io_);
    socket.open(Tcp::v4());
    socket.set_option(asio::socket_base::receive_buffer_size(64 * 1024));
    co_await socket.async_connect({asio::ip::make_address("127.0.0.1"), test.server_->port()},
                                  asio::use_awaitable);
    const auto request = "GET /api/stream?jobs=" + much.ToString() + "," + little.ToString() +
                         " HTTP/1.0\r\nHost: x\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    got = co_await test.ReadUntil(socket, little.ToString());  // both are fed now
    std::string text;
    for (int i = 0; i < 900; ++i) text += std::string(99, 'x') + "\n";
    for (std::uint64_t i = 0; i < 80; ++i) {
      test.Log(much, 1 + 900 * i, text);
      if (i % 4 == 0) co_await test.Pause(10);
      if (i == 60) test.To(little, job::Status::kCanceled, job::Party::kPanel);
    }
    co_await test.Pause(50);
    test.To(much, job::Status::kSucceeded);
    got += co_await test.ReadUntil(socket);
  };
  std::string got;
  Run(follow(*this, much, little, got));
  std::map<Uuid, StreamPosition> told;
  std::size_t lines = 0;
  for (const auto& event : Events(got.substr(got.find("\r\n\r\n") + 4))) {
    const auto data = boost::json::parse(event.data);
    lines += data.at("lines").as_array().size();
    const auto about = *Uuid::Parse(std::string(data.at("job").as_string()));
    const auto positions = ParsePositions(event.id);
    ASSERT_TRUE(positions);
    for (const auto& [job, at] : *positions) {
      if (job == about) {
        EXPECT_GT(at, told[job]);
        told[job] = at;
      } else {
        EXPECT_EQ(at, told[job]) << "of what has not come yet";
      }
    }
  }
  EXPECT_EQ(lines, 80U * 900U);
}

TEST_F(Streams, Stream_OfTopics_TellsWhichJobAndThatServersChanged) {
  Serve();
  const auto id = NewJob();
  const auto follow = [](Streams& test, Uuid job) -> asio::awaitable<void> {
    Reader reader;
    co_await test.Open("/api/stream?topics=jobs,servers", reader);
    auto data = co_await test.NextData(reader);
    EXPECT_EQ(json::Serialize(data), R"({"topic":"jobs","reset":true})");
    data = co_await test.NextData(reader);
    EXPECT_EQ(json::Serialize(data), R"({"topic":"servers"})");
    test.To(job, job::Status::kDispatched, job::Party::kPanel);
    data = co_await test.NextData(reader);
    EXPECT_EQ(data.at("job"), boost::json::value(job.ToString()));
    EXPECT_EQ(data.at("status"), "dispatched");
    test.hub_.ServersChanged();
    auto event = co_await test.Next(reader);
    EXPECT_TRUE(event && event->data == R"({"topic":"servers"})" && !event->id.empty());
    test.hub_.AnythingChanged();
    data = co_await test.NextData(reader);
    EXPECT_EQ(json::Serialize(data), R"({"topic":"jobs","reset":true})");
    data = co_await test.NextData(reader);
    EXPECT_EQ(json::Serialize(data), R"({"topic":"servers"})");
  };
  Run(follow(*this, id));
}

}  // namespace
}  // namespace prov::panel
