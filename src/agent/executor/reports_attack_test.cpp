// What a script prints and how it ends reaches the panel, whatever it is: no event that the panel
// cannot read, none too large, no flood, no line lost or told twice.
#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/executor/executor_fixture_test.hpp"
#include "contract/exit_code.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"
#include "support/power_cut.hpp"

namespace prov::agent {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class Reports : public ExecutorTest {
 protected:
  // The log as the panel has it, and that its lines are numbered without a gap.
  std::string Log(const Uuid& job) {
    std::string text;
    std::uint64_t next = 1;
    for (const auto& event : Events()) {
      if (event.job != job || !event.log) continue;
      EXPECT_EQ(event.log->first, next);
      next += event.log->lines;
      const auto packed = Base64Decode(event.log->frames);
      const auto frames = job::UnpackFrames(*packed, event.log->raw_size);
      EXPECT_TRUE(frames) << frames.error().ToString();
      if (!frames) continue;
      EXPECT_EQ(job::CountLines(*frames), event.log->lines);
      for (const auto& frame : *frames) text += frame.bytes;
    }
    return text;
  }
  // An end that no write leaves.
  void DamageJournal() {
    executor_.reset();
    auto journal = *ReadFile(state_.Journal(), 1 << 20);
    ASSERT_TRUE(WriteFileAtomically(state_.Journal(), journal + std::string(64, 'x'), 0600));
  }
  bool Opens() {
    const auto start = [this](const exec::AttemptSpec& spec, const Clock&) {
      return StartFake(spec);
    };
    return Executor::Open(MakeSetup(), clock_, random_, log_, start).has_value();
  }
  // Where a file of the state directory cannot be made durable, or opened.
  bool OpensWithout(const std::string& name) {
    const auto path = state_.root / name;
    if (name != "parcel.in-hand") {
      const test::SyncFailure disk(name.empty() ? state_.root : path);
      return Opens();
    }
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    const bool opens = Opens();
    std::filesystem::remove(path);
    return opens;
  }
  bool SaysDrained() {
    bool drained = false;
    for (const auto& event : Events())
      if (event.facts) drained = event.facts->drained;
    return drained;
  }
  int OldJournals() const {
    int count = 0;
    for (const auto& each : std::filesystem::directory_iterator(state_.root))
      count += each.path().filename().string().starts_with("journal.old-") ? 1 : 0;
    return count;
  }
  // What the panel wants of an epoch that it does not know.
  void ExpectFollows(const Uuid& epoch) {
    const auto events = Events();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.front().seq, 1u);
    ASSERT_TRUE(events.front().facts) << "the epoch is told first";
    EXPECT_EQ(events.front().facts->epoch.previous, epoch);
  }
  ino_t JournalInode() const {
    struct stat found{};
    return stat(state_.Journal().c_str(), &found) == 0 ? found.st_ino : 0;
  }
};

// Each of these came, or could have come, as an event that nobody can read: the agent would stop
// at it, or the panel would never get past it.
TEST_F(Reports, HostileScriptLines_AreReportedAsReadableEvents) {
  const std::string accent = "\xC3\xA9";
  const std::string lines[] = {
      "::warning " + std::string(999, 'x') + accent,
      "::progress 50 " + std::string(999, 'x') + accent,
      "::progress 50 " + std::string(60'000, '\x01'),
      "::warning " + std::string(60'000, '\x01'),
      "::warning " + std::string(60'000, '\xFF'),
      "::progress 50 \xED\xA0\x80",
      std::string(60'000, '\0'),
      "::progress 99999999999999999999 x",
      "::output url=" + std::string(60'000, '\xFF'),
  };
  const auto id = Run(NewOrder());
  for (const auto& line : lines) {
    Print(id, line + "\n");
    Step();
  }
  Exit(id, 0);
  Step();
  EXPECT_EQ(States(id), "accepted running succeeded");
  std::string all;
  for (const auto& line : lines) all += line + "\n";
  EXPECT_EQ(Log(id), all);
}

TEST_F(Reports, ABacklogOfTinyFrames_IsReportedWhole) {
  const auto id = Run(NewOrder());
  std::string frames;
  std::string text;
  for (std::uint64_t i = 1; i <= 60'000; ++i) {
    job::AppendFrame(frames, {i, clock_.Now(), job::Stream::kOut, "a\n"});
    text += "a\n";
  }
  WriteLog(id, frames);
  Exit(id, 0);
  Step();
  EXPECT_EQ(Log(id), text);
  EXPECT_EQ(Last(id).status, job::Status::kSucceeded);
}

TEST_F(Reports, FramesThatDoNotCompress_FitTheirEvents) {
  const auto id = Run(NewOrder());
  std::string text;
  for (int i = 0; i < 8; ++i) {
    const auto piece = random_.Bytes(exec::kLargestFrame);
    Print(id, piece);
    text += piece;
  }
  Exit(id, 0);
  Step();
  EXPECT_EQ(Log(id), text);
}

TEST_F(Reports, AFloodOfWarnings_IsReportedOnlySoFar) {
  const auto id = Run(NewOrder());
  for (int round = 0; round < 3; ++round) {
    std::string flood;
    for (int i = 0; i < 1000; ++i) flood += "::warning x\n";
    Print(id, flood);
    Step();
    Restart();
  }
  std::size_t warnings = 0;
  for (const auto& event : Events()) warnings += event.warning ? 1 : 0;
  EXPECT_EQ(warnings, exec::kMaxWarnings);
}

TEST_F(Reports, ATornFrame_IsNotReportedAndGoesOnWhenItIsWhole) {
  const auto id = Run(NewOrder());
  std::string frame;
  job::AppendFrame(frame, {1, clock_.Now(), job::Stream::kOut, "whole\n"});
  for (const char byte : frame) {
    EXPECT_EQ(Log(id), "");
    WriteLog(id, {&byte, 1});
    Step();
  }
  EXPECT_EQ(Log(id), "whole\n");
}

TEST_F(Reports, KilledWhileTheLogGrows_NoLineIsMissingOrDoubled) {
  const auto id = Run(NewOrder());
  std::string text;
  for (int i = 0; i < 200; ++i) {
    const auto line = "line " + std::to_string(i) + "\n";
    text += line;
    Print(id, line, i % 3 == 0 ? job::Stream::kErr : job::Stream::kOut);
    executor_->Tick();
    if (i % 3 == 0) Restart();
    ASSERT_TRUE(executor_->Commit());
    if (i % 5 == 0) Restart();
    if (i % 50 == 49) Acknowledge(executor_->outbox().last() / 2 + 1);
  }
  Restart();
  Exit(id, 0);
  Step();
  EXPECT_EQ(Last(id).status, job::Status::kSucceeded);
  EXPECT_EQ(*ReadFile(configuration_.log_dir / (id.ToString() + ".log"), 1 << 20), text);
}

// The panel is away, and a script talks: its log stays in its file, other jobs go on.
TEST_F(Reports, NobodyAcknowledges_TheLogWaitsInItsFileAndOtherJobsRun) {
  most_unacknowledged_ = 300'000;
  Restart();
  const auto id = Run(NewOrder());
  std::string text;
  for (int i = 0; i < 20; ++i) {
    auto piece = random_.Bytes(50'000);
    std::ranges::replace(piece, '\n', ' ');
    text += piece + "\n";
    Print(id, piece + "\n");
    Step();
  }
  Exit(id, 0);
  Step();
  EXPECT_LT(executor_->outbox().bytes(), 800'000u);
  EXPECT_EQ(States(id), "accepted running") << "the end comes after the last of the log";
  const auto other = Run(NewOrder());
  Step();
  EXPECT_EQ(Starts(other), 1);
  Restart();
  std::string seen;
  for (int i = 0; i < 20 && seen.size() < text.size(); ++i) {
    for (const auto& event : Events()) {
      if (event.job != id || !event.log) continue;
      const auto packed = Base64Decode(event.log->frames);
      for (const auto& frame : *job::UnpackFrames(*packed, event.log->raw_size))
        seen += frame.bytes;
    }
    Acknowledge(executor_->outbox().last());
  }
  EXPECT_EQ(seen, text);
  EXPECT_EQ(Last(id).status, job::Status::kSucceeded);
}

// Row 36. The panel cannot be reached for a day: what it ordered goes on, also over a restart, and
// it is told of all of it afterwards.
TEST_F(Reports, ADayWithoutThePanel_ScriptsGoOnAndEverythingIsToldAfterwards) {
  const auto first = Run(NewOrder());
  const auto second = Run(NewOrder());
  Acknowledge(executor_->outbox().last());
  const auto known = executor_->outbox().last();
  std::map<Uuid, std::string> printed;
  for (int hour = 0; hour < 24; ++hour) {
    const auto job = hour < 12 ? first : second;
    ASSERT_EQ(Starts(job), 1) << hour;
    const auto line = "hour " + std::to_string(hour) + "\n";
    Print(job, line);
    printed[job] += line;
    clock_.Advance(std::chrono::hours{1});
    Step();
    if (hour % 12 == 7) Restart();
    if (hour == 11) Exit(first, 0);
    Step();
  }
  Exit(second, 1);
  Step();

  const auto events = Events();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().seq, known + 1);
  EXPECT_EQ(events.front().oldest, known + 1) << "nothing was left out to save room";
  std::map<Uuid, std::string> told;
  for (const auto& event : events) {
    if (!event.log) continue;
    const auto packed = Base64Decode(event.log->frames);
    for (const auto& frame : *job::UnpackFrames(*packed, event.log->raw_size))
      told[*event.job] += frame.bytes;
  }
  EXPECT_EQ(told, printed);
  EXPECT_EQ(Last(first).status, job::Status::kSucceeded);
  EXPECT_EQ(Last(second).status, job::Status::kFailed) << "as its script said";
}

TEST_F(Reports, EventsAreTheSameBytesAfterARestart) {
  const auto id = Run(NewOrder());
  Print(id, "hello\n");
  Step();
  std::uint64_t first = 0;
  const auto before = executor_->outbox().Read(0, std::size_t{1} << 30, first);
  Restart();
  auto after = executor_->outbox().Read(0, std::size_t{1} << 30, first);
  ASSERT_GE(after.size(), before.size());
  after.resize(before.size());
  EXPECT_EQ(after, before);
}

TEST_F(Reports, NothingIsReadBeforeItIsDurable) {
  executor_->TakeParcel(Envelope(NewOrder()));
  executor_->Tick();
  const auto published = executor_->outbox().published();
  EXPECT_LT(published, executor_->outbox().last());
  EXPECT_TRUE(runners_.empty()) << "nothing runs either";
  std::uint64_t first = 0;
  EXPECT_EQ(executor_->outbox().Read(published + 1, 1 << 20, first).size(), 0u);
  ASSERT_TRUE(executor_->Commit());
  EXPECT_EQ(runners_.size(), 1u);
  EXPECT_EQ(executor_->outbox().published(), executor_->outbox().last());
}

TEST_F(Reports, Acknowledged_IsDroppedAndStaysSoAfterARestart) {
  const auto id = Run(NewOrder());
  const auto acknowledged = executor_->outbox().last();
  Acknowledge(acknowledged);
  Acknowledge(acknowledged - 1);  // an old one again does no harm
  EXPECT_EQ(executor_->outbox().acknowledged(), acknowledged);
  Exit(id, 0);  // the next record carries it
  Step();
  Restart();
  EXPECT_EQ(executor_->outbox().acknowledged(), acknowledged);
  EXPECT_EQ(States(id), "succeeded");
  EXPECT_EQ(Events().front().seq, acknowledged + 1);
}

TEST_F(Reports, AcknowledgementsForgedOrOfAnotherEpoch_DropNothing) {
  Run(NewOrder());
  const auto last = executor_->outbox().last();
  auto command = NewCommand();
  command.ack = job::Ack{last};
  auto forged = command;
  forged.epoch = Uuid::MakeV7(clock_, random_);
  Deliver(Envelope(job::CommandType::kAck, forged));
  forged = command;
  forged.agent = "agent-2";
  Deliver(Envelope(job::CommandType::kAck, forged));
  const auto identity = MakeIdentity();
  for (const auto* key : {&identity.event_key, &identity.http_key}) {
    Deliver(signing::Sign(job::PayloadType(job::CommandType::kAck),
                          *job::SerializeCommand(job::CommandType::kAck, command), KeyId(),
                          key->view()));
  }
  EXPECT_EQ(executor_->outbox().acknowledged(), 0u);
}

// The journal's end was cut off, and the panel says so by what it acknowledges: under this epoch
// the same numbers would be given again, to other bytes.
TEST_F(Reports, AcknowledgementOfWhatTheJournalNoLongerHolds_BeginsANewEpoch) {
  const auto epoch = executor_->epoch();
  const auto journal = *ReadFile(state_.Journal(), 1 << 20);
  const auto order = NewOrder();
  Run(order);
  const auto last = executor_->outbox().last();
  executor_.reset();
  runners_.clear();
  ASSERT_TRUE(WriteFileAtomically(state_.Journal(), journal, 0600));
  Start();
  EXPECT_EQ(executor_->epoch(), epoch);
  auto command = NewCommand();
  command.ack = job::Ack{last + 10};
  executor_->TakeParcel(Envelope(job::CommandType::kAck, command));
  executor_->Tick();
  EXPECT_FALSE(executor_->Commit()) << "the process is to end";
  Restart();
  EXPECT_NE(executor_->epoch(), epoch);
  Deliver(Envelope(order));
  EXPECT_EQ(Last(order.job).status, job::Status::kLost);
  EXPECT_EQ(Starts(order.job), 1);
  EXPECT_EQ(Events().front().seq, 1u);
  EXPECT_EQ(Events().front().type, job::EventType::kFacts) << "the epoch is told first";
}

TEST_F(Reports, DamagedJournal_WhatHadEndedIsSaidAgainInTheNewEpoch) {
  const auto done = Run(NewOrder());
  Exit(done, 0);
  Step();
  const auto under_way = Run(NewOrder());
  executor_.reset();
  auto journal = *ReadFile(state_.Journal(), 1 << 20);
  journal[journal.size() - 5] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(state_.Journal(), journal, 0600));
  Start();
  EXPECT_EQ(States(done), "succeeded");
  EXPECT_EQ(States(under_way), "lost");
  EXPECT_THAT(Last(under_way).reason.value_or(""), HasSubstr("damaged"));
}

// The first of them left an empty journal of the new epoch. The next one went on with it: it spoke
// of jobs before it told the epoch, so that the panel took nothing, and the old journal was read by
// nobody again.
TEST_F(Reports, StartsThatFailWhereANewEpochBegins_LeaveAllOfItToTheNext) {
  const auto epoch = executor_->epoch();
  const auto done = Run(NewOrder());
  Exit(done, 0);
  Step();
  const auto under_way = Run(NewOrder());
  SendDrain(true);
  DamageJournal();
  for (const char* failing : {"", "journal.new", "parcel.in-hand", "journal.begun.new", "journal"})
    EXPECT_FALSE(OpensWithout(failing)) << failing;
  Start();
  ExpectFollows(epoch);
  EXPECT_EQ(States(done), "succeeded");
  EXPECT_EQ(States(under_way), "lost");
  EXPECT_EQ(OldJournals(), 1);
  Step();
  EXPECT_TRUE(SaysDrained());
}

TEST_F(Reports, AStartThatFailsInsideANewEpoch_BeginsNoOther) {
  const auto epoch = executor_->epoch();
  SendDrain(true);
  DamageJournal();
  EXPECT_FALSE(OpensWithout("parcel.in-hand"));
  const auto raised = ReadEpoch(state_)->id;
  EXPECT_FALSE(OpensWithout("parcel.in-hand"));
  Start();
  EXPECT_EQ(executor_->epoch(), raised);
  ExpectFollows(epoch);
  Step();
  EXPECT_TRUE(SaysDrained()) << "at once, not with the facts of half a minute later";
}

// Under the present epoch its numbers would be given again, to other bytes.
TEST_F(Reports, JournalOfAnEarlierEpochPutBack_BeginsANewOne) {
  const auto journal = *ReadFile(state_.Journal(), 1 << 20);
  DamageJournal();
  Start();
  const auto epoch = executor_->epoch();
  executor_.reset();
  ASSERT_TRUE(WriteFileAtomically(state_.Journal(), journal, 0600));
  Start();
  EXPECT_NE(executor_->epoch(), epoch);
  ExpectFollows(epoch);
}

TEST_F(Reports, JournalLostAfterAStartThatCouldNotNoteIt_BeginsANewEpoch) {
  const auto epoch = executor_->epoch();
  executor_.reset();
  std::filesystem::remove(state_.JournalBegun());
  Start();
  std::filesystem::remove(state_.Journal());
  Restart();
  EXPECT_NE(executor_->epoch(), epoch);
  ExpectFollows(epoch);
}

TEST_F(Reports, EveryExitCode_AsTheContractSays) {
  for (int code = 0; code < 256; ++code) {
    AddInstaller("once", "idempotent: false\n");
    const auto id = Run(NewOrder("once"));
    Exit(id, code);
    Step();
    const auto last = Last(id);
    contract::ProcessEnd end;
    end.exit_code = code;
    const auto verdict = contract::Judge(end, false);
    EXPECT_EQ(last.status == job::Status::kSucceeded, verdict == contract::Verdict::kSucceeded);
    EXPECT_EQ(last.status == job::Status::kTimedOut, verdict == contract::Verdict::kTimedOut);
    EXPECT_EQ(last.exit_code, code);
    Acknowledge(executor_->outbox().last());
  }
}

TEST_F(Reports, ServicesNotActive_FailedWithConfiguration) {
  const auto id = Run(NewOrder());
  exec::ExitRecord record;
  record.ending = exec::Ending::kExited;
  record.exit_code = 0;
  record.services_error = "web.service is not active";
  End(id, record);
  Step();
  EXPECT_EQ(Last(id).status, job::Status::kFailed);
  EXPECT_EQ(Last(id).failure_kind, job::FailureKind::kConfiguration);
  EXPECT_EQ(Last(id).reason, "web.service is not active");
}

TEST_F(Reports, ReasonsWithAnyBytes_AreReadableText) {
  const auto id = Run(NewOrder());
  exec::ExitRecord record;
  record.ending = exec::Ending::kNotStarted;
  record.reason = std::string(5000, '\x02') + "\xC3\xA9";
  End(id, record);
  Step();
  EXPECT_EQ(Last(id).status, job::Status::kFailed);
}

TEST_F(Reports, OldJobs_AreForgottenOnceReportedAndThenAnsweredLost) {
  const auto order = NewOrder();
  Run(order);
  Exit(order.job, 0);
  Step();
  auto refused = NewOrder();
  refused.installer_digest.back() ^= 1;
  Run(refused);
  clock_.Advance(std::chrono::hours{24 * 31});
  Step();
  EXPECT_TRUE(std::filesystem::exists(state_.Job(order.job))) << "its end was not acknowledged";
  Acknowledge(executor_->outbox().last());
  clock_.Advance(std::chrono::hours{1});
  Step();
  Step();
  EXPECT_FALSE(std::filesystem::exists(state_.Job(order.job)));
  for (const auto& each : {order, refused}) {
    Restart();
    Deliver(Envelope(each));
    EXPECT_EQ(Last(each.job).status, job::Status::kLost);
    EXPECT_EQ(Starts(each.job), each.job == order.job ? 1 : 0);
  }
}

TEST_F(Reports, ManyJobsThatAreOver_OnlyTheLastAreRemembered) {
  most_settled_ = 2;
  Restart();
  std::vector<job::Order> orders;
  for (std::size_t i = 0; i < 4; ++i) {
    orders.push_back(NewOrder());
    orders.back().installer_digest.back() ^= i % 2;  // some leave nothing on disk
    Run(orders.back());
    if (i % 2 == 0) Exit(orders.back().job, 0);
    Step();
    clock_.Advance(Seconds{1});
  }
  Acknowledge(executor_->outbox().last());
  clock_.Advance(std::chrono::hours{1});
  Step();
  Restart();
  for (std::size_t i = 0; i < 4; ++i) {
    Run(orders[i]);
    EXPECT_EQ(Last(orders[i].job).status == job::Status::kLost, i < 2) << i;
    EXPECT_EQ(Starts(orders[i].job), i % 2 == 0 ? 1 : 0);
  }
}

// What is kept is bounded: the texts of logs, and journals that were given up, grew for ever.
TEST_F(Reports, OldFiles_GoWithTheirJobs) {
  const auto id = Run(NewOrder());
  Print(id, "hello\n");
  Exit(id, 0);
  Step();
  const auto text = configuration_.log_dir / (id.ToString() + ".log");
  const auto stray = configuration_.log_dir / (Uuid::MakeV7(clock_, random_).ToString() + ".log");
  const auto other = configuration_.log_dir / "other.log";
  const auto journal = state_.root / "journal.old-2026-01-01T00:00:00.000Z";
  for (const auto& file : {stray, other, journal})
    ASSERT_TRUE(WriteFileAtomically(file, "x", 0600));
  Acknowledge(executor_->outbox().last());
  clock_.Advance(std::chrono::hours{24 * 29});
  Step();
  for (const auto& file : {text, stray, other, journal})
    EXPECT_TRUE(std::filesystem::exists(file)) << file;
  clock_.Advance(std::chrono::hours{48});
  Step();
  Acknowledge(executor_->outbox().last());
  clock_.Advance(std::chrono::hours{1});
  Step();
  for (const auto& file : {text, stray, journal})
    EXPECT_FALSE(std::filesystem::exists(file)) << file;
  EXPECT_TRUE(std::filesystem::exists(other)) << "it is not ours";
}

TEST_F(Reports, ALogThatCannotBeRead_IsSaidOnce) {
  const auto id = Run(NewOrder());
  std::string frame;
  job::AppendFrame(frame, {1, clock_.Now(), job::Stream::kOut, "hello\n"});
  frame.back() ^= 1;
  WriteLog(id, frame);
  for (int i = 0; i < 5; ++i) Step();
  EXPECT_EQ(std::ranges::count(log_.events, "log_unreadable"), 1);
  Exit(id, 0);
  Step();
  EXPECT_EQ(Last(id).status, job::Status::kSucceeded);
}

// One read that failed, for want of a descriptor, was taken for the log's end.
TEST_F(Reports, ALogThatCannotBeReadForAWhile_IsReportedWhole) {
  const auto id = Run(NewOrder());
  Print(id, "hello\n");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  executor_->Tick();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(log_.Has("log_not_read"));
  EXPECT_FALSE(log_.Has("log_unreadable"));
  Exit(id, 0);
  Step();
  EXPECT_EQ(Log(id), "hello\n");
  EXPECT_EQ(States(id), "accepted running succeeded");
}

TEST_F(Reports, ALogThatTheDiskDoesNotGive_IsGivenUpAfterTenMinutes) {
  const auto id = Run(NewOrder());
  std::filesystem::create_symlink("/dev/null", runners_.at(id).spec.paths.Log());  // not followed
  Exit(id, 0);
  Step();
  clock_.Advance(Seconds{599});
  Step();
  EXPECT_EQ(States(id), "accepted running");
  EXPECT_EQ(std::ranges::count(log_.events, "log_not_read"), 1);
  clock_.Advance(Seconds{1});
  Step();
  EXPECT_TRUE(log_.Has("log_unreadable"));
  EXPECT_EQ(States(id), "accepted running succeeded");
}

TEST_F(Reports, Compaction_KeepsWhatIsNeeded) {
  const auto done = NewOrder();
  Run(done);
  Exit(done.job, 0);
  Step();
  Acknowledge(executor_->outbox().last());
  const auto ahead = NewOrder();
  SendCancel(ahead.job);
  auto drain = NewCommand();
  drain.drain = job::Drain{true};
  const auto drained = Envelope(job::CommandType::kDrain, drain);
  Deliver(drained);
  const auto waiting = NewOrder();
  Run(waiting);
  const auto before = Events();
  executor_->CompactNow();
  Restart();
  const auto after = Events();
  ASSERT_GE(after.size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i].seq, before[i].seq);
  EXPECT_EQ(States(waiting.job), "accepted");
  Deliver(drained);  // its nonce is remembered
  Run(ahead);
  EXPECT_EQ(States(ahead.job), "canceled");
  Ask({done.job});
  EXPECT_EQ(States(done.job), "succeeded");
  auto stolen = NewOrder();
  stolen.nonce = done.nonce;
  Run(stolen);
  EXPECT_EQ(States(stolen.job), "rejected");
}

// Four times the size of a journal that could not be compacted may be more than can be read.
TEST_F(Reports, CompactionThatFails_IsTriedAgainBeforeTheJournalHasGrownMuch) {
  compact_above_ = 64 * 1024;
  Restart();
  const auto id = Run(NewOrder());
  const auto grow = [&] {
    Print(id, Base64Encode(random_.Bytes(6000)) + "\n");
    Step();
    Acknowledge(executor_->outbox().last());
  };
  std::filesystem::create_directory(state_.Journal().string() + ".new");
  while (!log_.Has("journal_not_compacted")) grow();
  const auto size = std::filesystem::file_size(state_.Journal());
  std::filesystem::remove(state_.Journal().string() + ".new");
  const auto inode = JournalInode();
  while (JournalInode() == inode && std::filesystem::file_size(state_.Journal()) < 3 * size) grow();
  EXPECT_LT(std::filesystem::file_size(state_.Journal()), size);
}

// It may be too large to take more, as it was when the process before this one had to end.
TEST_F(Reports, AJournalThatIsLargeAtTheStart_IsCompactedBeforeAnythingIsWritten) {
  const auto id = Run(NewOrder());
  for (int i = 0; i < 10; ++i) {
    Print(id, Base64Encode(random_.Bytes(6000)) + "\n");
    Step();
  }
  Acknowledge(executor_->outbox().last());
  Exit(id, 0);
  Step();
  const auto journal = *ReadFile(state_.Journal(), 1 << 20);
  const auto unknown = Run(NewOrder());
  executor_.reset();
  ASSERT_TRUE(WriteFileAtomically(state_.Journal(), journal, 0600));
  compact_above_ = 16 * 1024;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit full{journal.size(), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  const bool opens = Opens();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_TRUE(opens);
  Start();
  EXPECT_EQ(States(unknown), "lost");
}

TEST(Compaction, ComesAgainBeforeTheJournalCannotBeRead) {
  constexpr std::uint64_t kMega = std::uint64_t{1} << 20;
  EXPECT_EQ(CompactAbove(16 * kMega, 1 * kMega), 16 * kMega);
  EXPECT_EQ(CompactAbove(16 * kMega, 40 * kMega), 160 * kMega);
  for (const std::uint64_t size : {300, 600, 1000}) {
    EXPECT_GT(CompactAbove(16 * kMega, size * kMega), size * kMega);
    EXPECT_LT(CompactAbove(16 * kMega, size * kMega), exec::Journal::kMaxFileBytes);
  }
}

TEST_F(Reports, OutOfMemory_NamesTheLimit) {
  auto order = NewOrder();
  order.limits.memory_mb = 64;
  const auto id = Run(order);
  exec::ExitRecord record;
  record.ending = exec::Ending::kExited;
  record.exit_code = 137;
  record.oom = true;
  End(id, record);
  Step();
  EXPECT_EQ(Last(id).failure_kind, job::FailureKind::kOom);
  EXPECT_THAT(*Last(id).reason, HasSubstr("64 MB"));
}

// A panel that did not make the job learns from it what the job is.
TEST_F(Reports, TheFirstWordOfAJob_SaysWhatWasOrdered_AndNoOtherDoes) {
  AddInstaller("asks",
               "idempotent: true\ninputs:\n  - {name: greeting, label: Greeting, type: string, "
               "required: true}\n");
  auto order = NewOrder("asks");
  order.inputs = {{"greeting", "hello"}};
  Run(order);
  ASSERT_EQ(States(order.job), "accepted running") << Last(order.job).reason.value_or("");
  Exit(order.job, 0);
  Step();
  std::vector<std::optional<job::OrderOutline>> ordered;
  for (const auto& event : Events()) {
    if (event.job == order.job && event.state) ordered.push_back(event.state->ordered);
  }
  ASSERT_THAT(ordered, SizeIs(3));  // accepted, running, succeeded
  ASSERT_TRUE(ordered[0]);
  EXPECT_EQ(ordered[0]->app_id, "asks");
  EXPECT_EQ(ordered[0]->inputs, order.inputs);
  EXPECT_EQ(ordered[0]->user_id, "admin");
  EXPECT_EQ(ordered[0]->attempts.max_attempts, 3U);
  EXPECT_FALSE(ordered[1] || ordered[2]);
}

TEST_F(Reports, OfAnOrderThatIsRefused_NoInputIsTold) {
  AddInstaller("asks",
               "idempotent: true\ninputs:\n  - {name: token, label: Token, type: password, "
               "required: true}\n");
  auto order = NewOrder("asks");
  order.inputs = {{"token", "canary-in-the-wrong-place"}};
  Run(order);
  ASSERT_EQ(States(order.job), "rejected");
  EXPECT_THAT(*Last(order.job).reason, HasSubstr("came unsealed"));
  ASSERT_TRUE(Last(order.job).ordered);
  EXPECT_EQ(Last(order.job).ordered->app_id, "asks");
  EXPECT_THAT(json::Serialize(json::ToValue(Last(order.job))), Not(HasSubstr("canary")));
}

}  // namespace
}  // namespace prov::agent
