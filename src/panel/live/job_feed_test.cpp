#include "panel/live/job_feed.hpp"

#include <deque>

#include <gtest/gtest.h>

#include "panel/live/live_fixture_test.hpp"

namespace prov::panel {
namespace {

class JobFeedTest : public Live {
 public:
  void SetUp() override {
    Live::SetUp();
    Serve();
    job_ = NewJob();
    Start(job_);  // changes 2 to 4
  }

  struct Reader final : JobFeed::Reader {
    bool Take(const StreamPage& page) override {
      if (refuses) return false;
      for (const auto& frame : page.frames) {
        ends.push_back(frame.position.seq);
        got += frame.event->bytes();
      }
      return true;
    }
    void Abandon() override { abandoned = true; }
    std::vector<std::uint64_t> ends;  // of frames
    std::string got;
    bool refuses = false;
    bool abandoned = false;
  };

  std::shared_ptr<JobFeed> Feed() { return feeds_->Of({{"ann"}, job_, false}); }
  void Say(int n) { Log(job_, static_cast<std::uint64_t>(n), fmt::format("line {}\n", n)); }
  // Until it is so, or five seconds are over.
  template <class Fn>
  void Until(Fn so) {
    Run([](JobFeedTest& test, Fn done) -> boost::asio::awaitable<void> {
      for (int i = 0; i < 1000 && !done(); ++i) co_await test.Pause(5);
      EXPECT_TRUE(done());
    }(*this, so));
  }
  // Past some moments at which a feed looks.
  void Wait() {
    Run([](JobFeedTest& test) -> boost::asio::awaitable<void> { co_await test.Pause(40); }(*this));
  }

  Uuid job_;
};

TEST_F(JobFeedTest, WhoStandsAtOnePlace_IsToldByOneReading) {
  const auto feed = Feed();
  EXPECT_EQ(Feed(), feed) << "one of each job";
  std::deque<Reader> readers(500);  // more than are told in one turn
  for (auto& reader : readers) feed->Join(reader, {4, 0}, feed->heard());
  const auto before = database_.reads;
  Say(1);
  Until([&] { return !readers.back().ends.empty(); });
  Wait();
  EXPECT_EQ(database_.reads - before, 1U);
  for (const auto& reader : readers) {
    EXPECT_EQ(reader.ends, std::vector<std::uint64_t>{5});
    EXPECT_EQ(reader.got, readers.front().got);
  }
  EXPECT_NE(readers.front().got.find("line 1"), std::string::npos);
  Say(2);
  Until([&] { return readers.back().ends.size() == 2; });
}

TEST_F(JobFeedTest, WhoIsBehind_ComesToWhereTheOthersAre) {
  const auto feed = Feed();
  Say(1);
  Say(2);
  Reader behind, further, there;
  feed->Join(behind, {3, 0}, {});
  feed->Join(further, {5, 0}, {});
  feed->Join(there, {6, 0}, {});
  Until([&] { return !behind.ends.empty() && !further.ends.empty(); });
  EXPECT_EQ(behind.ends.back(), 6U);
  EXPECT_EQ(further.ends.back(), 6U);
  EXPECT_TRUE(there.ends.empty());
  const auto before = database_.reads;
  Say(3);
  Until([&] { return !there.ends.empty(); });
  Wait();
  for (const auto* reader : {&behind, &further, &there}) EXPECT_EQ(reader->ends.back(), 7U);
  EXPECT_EQ(database_.reads - before, 1U);
}

TEST_F(JobFeedTest, WhatWasHeardWhileOneReadForItself_IsToldToIt) {
  const auto feed = Feed();
  const auto heard = feed->heard();
  Say(1);  // after its reading, and before it joins
  Wait();
  Reader reader;
  feed->Join(reader, {4, 0}, heard);
  Until([&] { return !reader.ends.empty(); });
  EXPECT_EQ(reader.ends, std::vector<std::uint64_t>{5});
}

TEST_F(JobFeedTest, WhoRefusesOrLeaves_IsToldNothingMore) {
  const auto feed = Feed();
  Reader refuses, stays;
  refuses.refuses = true;
  {
    Reader leaves;
    feed->Join(leaves, {4, 0}, feed->heard());
    feed->Join(refuses, {4, 0}, feed->heard());
    feed->Join(stays, {4, 0}, feed->heard());
  }
  Say(1);
  Until([&] { return !stays.ends.empty(); });
  EXPECT_FALSE(refuses.is_linked());
  EXPECT_TRUE(stays.is_linked());
}

TEST_F(JobFeedTest, AStoreThatFails_LeavesEachToItself) {
  const auto feed = Feed();
  Reader one, other;
  feed->Join(one, {4, 0}, feed->heard());
  feed->Join(other, {3, 0}, feed->heard());
  database_.fail_after = 0;
  hub_.JobChanged(job_);
  Until([&] { return one.abandoned && other.abandoned; });
  EXPECT_FALSE(one.is_linked());
  database_.fail_after.reset();
  feed->Join(one, {4, 0}, {});
  Say(1);
  Until([&] { return !one.ends.empty(); });
}

TEST_F(JobFeedTest, AChangeNobodyWasToldOf_IsFoundWhenItLooksAgain_OnceForAll) {
  const auto feed = Feed();
  Reader one, other;
  feed->Join(one, {3, 0}, feed->heard());
  feed->Join(other, {3, 0}, feed->heard());
  Wait();
  EXPECT_TRUE(one.ends.empty()) << "nobody told";
  const auto before = database_.reads;
  feed->LookAgain();
  Until([&] { return !one.ends.empty() && !other.ends.empty(); });
  feed->LookAgain();
  Wait();
  EXPECT_EQ(database_.reads - before, 1U);
}

TEST_F(JobFeedTest, OfAnotherJob_NobodyIsTold) {
  const auto other = NewJob();
  const auto feed = Feed();
  Reader reader;
  feed->Join(reader, {3, 0}, feed->heard());
  Start(other);
  Wait();
  EXPECT_TRUE(reader.ends.empty());
}

}  // namespace
}  // namespace prov::panel
