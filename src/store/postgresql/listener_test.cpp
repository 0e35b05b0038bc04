// Two panels over one database: what one commits the other is told.
#include "store/postgresql/listener.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/postgresql/database.hpp"
#include "store/postgresql/proxy_test.hpp"
#include "support/postgresql.hpp"
#include "support/requires.hpp"

namespace prov::store::postgresql {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Kind = Announcement::Kind;

const Announcement kAnything{.kind = Kind::kAnything};

TEST(Announcements, AreReadAsTheTriggersSpellThem_AndNothingElseIs) {
  const auto job = *Uuid::Parse("01935a3c-0000-7000-8000-000000000002");
  EXPECT_EQ(ParseAnnouncement("job 01935a3c-0000-7000-8000-000000000002"),
            (Announcement{Kind::kJob, job, {}}));
  EXPECT_EQ(ParseAnnouncement("deliver web-1"), (Announcement{Kind::kDelivery, {}, "web-1"}));
  EXPECT_EQ(ParseAnnouncement("servers"), (Announcement{Kind::kServers, {}, {}}));
  for (const auto* other :
       {"", "job", "job x", "deliver", "deliver ", "servers now", "Servers", " "})
    EXPECT_EQ(ParseAnnouncement(other), std::nullopt) << other;
}

// What was heard, on whatever thread.
class Heard {
 public:
  AnnouncementListener listener() {
    return [this](const Announcement& one) {
      const std::lock_guard lock(mutex_);
      all_.push_back(one);
      more_.notify_all();
    };
  }
  // Whether it is heard within ten seconds, whatever else is.
  bool Hears(const Announcement& one) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, Seconds{10}, [&] { return std::ranges::count(all_, one) > 0; });
  }
  // All there is once `count` are there; fewer after ten seconds.
  std::vector<Announcement> Take(std::size_t count) {
    std::unique_lock lock(mutex_);
    more_.wait_for(lock, Seconds{10}, [&] { return all_.size() >= count; });
    return std::exchange(all_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Announcement> all_;
};

class AnnouncingStore : public testing::Test {
 protected:
  void SetUp() override {
    PROV_REQUIRES("postgresql");
    url_ = test::PostgresqlServer::Shared().NewDatabase();
    writing_ = Open(url_);
    other_ = Open(url_);
    listening_ = other_->Listen(heard_.listener());
    // It listens: from now on everything is heard.
    ASSERT_THAT(heard_.Take(1), ElementsAre(kAnything));
  }
  std::unique_ptr<PostgresqlDatabase> Open(const std::string& url) {
    auto opened = PostgresqlDatabase::Open({.url = url, .readers = 1});
    EXPECT_TRUE(opened) << opened.error().ToString();
    return std::move(*opened);
  }
  static std::string Listeners(const std::string& what) {
    return "SELECT " + what +
           " FROM pg_stat_activity WHERE datname = current_database() AND query "
           "LIKE 'LISTEN%'";
  }
  std::string Name() const { return url_.substr(url_.rfind('/') + 1); }

  static Creation NewJob(const Uuid& id, bool undelivered = true) {
    Creation creation;
    creation.job.id = id;
    creation.job.app_id = "hello";
    creation.job.server_id = "web-1";
    creation.job.user_id = "ann";
    creation.undelivered = undelivered;
    return creation;
  }
  static Status Insert(Database& database, const Uuid& id) {
    return database.Write([&](Transaction& t) { return t.jobs().Insert(NewJob(id)); });
  }

  std::string url_;
  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<PostgresqlDatabase> writing_;
  std::unique_ptr<PostgresqlDatabase> other_;
  Heard heard_;
  std::unique_ptr<Listening> listening_;
};

TEST_F(AnnouncingStore, AJobThatIsMade_IsToldToTheOtherPanel) {
  const auto id = Uuid::MakeV7(clock_, random_);
  ASSERT_TRUE(Insert(*writing_, id));
  EXPECT_THAT(heard_.Take(2), UnorderedElementsAre(Announcement{Kind::kJob, id, {}},
                                                   Announcement{Kind::kDelivery, {}, "web-1"}));
}

TEST_F(AnnouncingStore, ACommandAndAnAgentsFacts_AreTold_ThatItWasSeenIsNot) {
  Agent agent;
  agent.id = "web-1";
  agent.facts = "{}";
  ASSERT_TRUE(writing_->Write([&](Transaction& t) { return t.agents().Insert(agent); }));
  EXPECT_THAT(heard_.Take(1), UnorderedElementsAre(Announcement{Kind::kServers, {}, {}}));
  ASSERT_TRUE(
      writing_->Write([&](Transaction& t) { return t.agents().Seen("web-1", clock_.Now()); }));
  const auto id = Uuid::MakeV7(clock_, random_);
  ASSERT_TRUE(writing_->Write([&](Transaction& t) {
    return t.commands().Insert(
        {id, "web-1", "drain", std::nullopt, "x", clock_.Now(), clock_.Now()});
  }));
  EXPECT_THAT(heard_.Take(1), UnorderedElementsAre(Announcement{Kind::kDelivery, {}, "web-1"}));
}

TEST_F(AnnouncingStore, WhatAPanelWritesItself_ItIsNotTold) {
  const auto own = Uuid::MakeV7(clock_, random_);
  const auto others = Uuid::MakeV7(clock_, random_);
  ASSERT_TRUE(Insert(*other_, own));
  ASSERT_TRUE(Insert(*writing_, others));
  EXPECT_THAT(heard_.Take(2), UnorderedElementsAre(Announcement{Kind::kJob, others, {}},
                                                   Announcement{Kind::kDelivery, {}, "web-1"}));
}

TEST_F(AnnouncingStore, WhatIsRolledBack_IsToldToNobody) {
  const auto id = Uuid::MakeV7(clock_, random_);
  EXPECT_FALSE(writing_->Write([&](Transaction& t) -> Status {
    PROV_CHECK(t.jobs().Insert(NewJob(Uuid::MakeV7(clock_, random_))));
    return Error{ErrorCode::kInternal, "changed its mind", {}};
  }));
  ASSERT_TRUE(Insert(*writing_, id));
  EXPECT_THAT(heard_.Take(2), UnorderedElementsAre(Announcement{Kind::kJob, id, {}},
                                                   Announcement{Kind::kDelivery, {}, "web-1"}));
}

// What was committed in between is in none of the announcements that follow.
TEST_F(AnnouncingStore, AConnectionThatWasCutOff_ListensAgain_AndSaysThatSomethingMayBeMissing) {
  test::PostgresqlServer::Shared().Sql(Listeners("pg_terminate_backend(pid)"), Name());
  EXPECT_THAT(heard_.Take(1), ElementsAre(kAnything));
  const auto id = Uuid::MakeV7(clock_, random_);
  ASSERT_TRUE(Insert(*writing_, id));
  EXPECT_THAT(heard_.Take(2), UnorderedElementsAre(Announcement{Kind::kJob, id, {}},
                                                   Announcement{Kind::kDelivery, {}, "web-1"}));
}

// Nobody else says it: to the server it is this panel's own, and the panel takes it for failed.
TEST_F(AnnouncingStore, ACommitThatNobodyLearnsOf_MayHaveChangedAnything) {
  std::atomic<bool> armed{false};
  Proxy proxy(test::PostgresqlServer::Shared().port(), [&](std::string_view request) {
    const bool commits = request.find(std::string_view("COMMIT\0", 7)) != request.npos;
    return armed && commits ? Proxy::Action::kCutAnswer : Proxy::Action::kForward;
  });
  listening_.reset();
  other_ =
      Open(fmt::format("postgresql://panel@127.0.0.1:{}/{}?sslmode=disable", proxy.port(), Name()));
  listening_ = other_->Listen(heard_.listener());
  ASSERT_THAT(heard_.Take(1), ElementsAre(kAnything));
  ASSERT_TRUE(Insert(*other_, Uuid::MakeV7(clock_, random_)));
  armed = true;
  const auto id = Uuid::MakeV7(clock_, random_);
  const auto lost = Insert(*other_, id);
  ASSERT_FALSE(lost);
  EXPECT_TRUE(heard_.Hears(kAnything));
  const Actor panel{"panel", true};
  EXPECT_TRUE(writing_->Read([&](Transaction& t) { return t.jobs().Get(panel, id); }));
  armed = false;
}

TEST(WriterSessions, ProcessThatIsLost_IsForgotten_AndWhoWatchesIsTold) {
  const UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const auto told = [&] {
    std::uint64_t times = 0;
    return read(event.get(), &times, sizeof times) > 0;
  };
  WriterSession session;
  session.Watch(event.get());
  session.Uses(4711);
  EXPECT_EQ(session.process(), 4711);
  EXPECT_FALSE(told());
  session.Lost();
  EXPECT_EQ(session.process(), 0);
  EXPECT_TRUE(told());
  session.Unwatch(event.get());
  session.Lost();
  EXPECT_FALSE(told());
}

TEST_F(AnnouncingStore, OnceItIsOver_NothingIsHeard) {
  listening_.reset();
  ASSERT_TRUE(Insert(*writing_, Uuid::MakeV7(clock_, random_)));
  EXPECT_THAT(test::PostgresqlServer::Shared().Sql(Listeners("pid"), Name()), IsEmpty());
}

}  // namespace
}  // namespace prov::store::postgresql
