// Orders, events and commands over tests/vectors/job/payloads.json: one valid document of each,
// and a table of single changes that must be refused, each at its place.
#include <functional>

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "job/command.hpp"
#include "job/event.hpp"
#include "job/order.hpp"
#include "support/vectors.hpp"

namespace prov::job {
namespace {

using boost::json::value;

// Parses and writes again; an error's sentence where it was refused.
using RoundTrip = std::function<Result<std::string>(std::string_view)>;

Result<std::string> ThroughOrder(std::string_view text) {
  PROV_TRY(const auto order, ParseOrder(text));
  return SerializeOrder(order);
}
Result<std::string> ThroughEvent(std::string_view text) {
  PROV_TRY(const auto event, ParseEvent(text));
  return SerializeEvent(event);
}
RoundTrip Through(CommandType type) {
  return [type](std::string_view text) -> Result<std::string> {
    PROV_TRY(const auto command, ParseCommand(type, text));
    return SerializeCommand(type, command);
  };
}

value Vectors() { return test::Vectors("job/payloads.json"); }

struct PayloadKind {
  const char* name;
  RoundTrip through;
};

class Payload : public testing::TestWithParam<PayloadKind> {
 protected:
  const value vectors_ = Vectors();
  const value& valid() const { return vectors_.at(GetParam().name).at("valid"); }
};

TEST_P(Payload, AValidOne_IsReadAndWrittenAgain) {
  const auto again = GetParam().through(json::Serialize(valid()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(json::ParseText(*again).value(), valid());
}

TEST_P(Payload, EachSingleChange_IsRefusedAtItsPlace) {
  for (const auto& row : vectors_.at(GetParam().name).at("refused").as_array()) {
    auto document = valid();
    test::SetAt(document, row.at("at").as_string(), row.at("value"));
    const auto read = GetParam().through(json::Serialize(document));
    ASSERT_FALSE(read) << json::Serialize(row);
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(read.error().message.find(std::string(row.at("fault").as_string()) + ": "),
              std::string::npos)
        << json::Serialize(row) << " gave " << read.error().message;
  }
}

TEST_P(Payload, EveryMissingMember_IsRefused_OrWasOptional) {
  for (const auto& member : valid().as_object()) {
    if (member.key() == "attempt") continue;  // optional in some; a row of `refused` in the others
    auto document = valid();
    document.as_object().erase(member.key());
    EXPECT_FALSE(GetParam().through(json::Serialize(document))) << member.key();
  }
}

TEST_P(Payload, DuplicateKeys_BadUtf8_TrailingBytes_AndTooMuch_AreRefused) {
  const auto text = json::Serialize(valid());
  const auto& through = GetParam().through;
  EXPECT_FALSE(through("{\"agent\":\"other\"," + text.substr(1)));
  EXPECT_FALSE(through(text + "{}"));
  EXPECT_FALSE(through(""));
  auto bad = text;
  bad[bad.find("agent-web1")] = '\xff';
  EXPECT_FALSE(through(bad));
  const auto large = through(text + std::string(kMaxEnvelopeBytes, ' '));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
}

std::vector<PayloadKind> Kinds() {
  return {{"order", ThroughOrder},
          {"event", ThroughEvent},
          {"event_ordered", ThroughEvent},
          {"event_log", ThroughEvent},
          {"event_progress", ThroughEvent},
          {"event_output", ThroughEvent},
          {"event_warning", ThroughEvent},
          {"event_facts", ThroughEvent},
          {"event_command", ThroughEvent},
          {"cancel", Through(CommandType::kCancel)},
          {"drain", Through(CommandType::kDrain)},
          {"ack", Through(CommandType::kAck)},
          {"keys", Through(CommandType::kKeys)},
          {"query", Through(CommandType::kQuery)},
          {"retry_now", Through(CommandType::kRetryNow)}};
}

INSTANTIATE_TEST_SUITE_P(Kinds, Payload, testing::ValuesIn(Kinds()),
                         [](const auto& tested) { return tested.param.name; });

TEST(Payloads, EveryKindThatHasVectors_IsRun) {
  const auto kinds = Kinds();
  const auto vectors = Vectors();
  for (const auto& vector : vectors.as_object()) {
    EXPECT_TRUE(std::ranges::any_of(kinds, [&](const PayloadKind& kind) {
      return vector.key() == kind.name;
    })) << vector.key();
  }
}

TEST(Event, EachKindOfBody_IsReadAndWrittenAgain) {
  Event base;
  base.agent = "agent-web1";
  base.seq = base.oldest = 1;
  std::vector<Event> events(6, base);
  events[0].type = EventType::kLog;
  events[0].log = LogChunk{.first = 1, .lines = 2, .raw_size = 10, .frames = "AAEC"};
  events[1].type = EventType::kProgress;
  events[1].progress = Progress{.percent = 50, .message = "Installing"};
  events[2].type = EventType::kOutput;
  events[2].output = Output{.name = "url", .label = "URL", .value = "http://x"};
  events[3].type = EventType::kWarning;
  events[3].warning = Warning{.text = "old"};
  events[4].type = EventType::kFacts;
  events[4].facts = Facts{.os = {"debian", "12", "Debian 12", "amd64"}, .cpus = 2};
  events[5].type = EventType::kCommand;
  events[5].command = CommandResult{.nonce = std::string(32, 'a'), .result = "done"};
  for (auto& event : events) {
    if (event.type != EventType::kFacts && event.type != EventType::kCommand) {
      event.job = Uuid();
      event.attempt = 1;
    }
    const auto text = SerializeEvent(event);
    ASSERT_TRUE(text) << text.error().message;
    const auto again = ParseEvent(*text);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(json::Write(*again), *text);
    EXPECT_EQ(StatusOf(*again), std::nullopt);
  }
  events[0].log->raw_size = kMaxLogChunkBytes + 1;
  EXPECT_FALSE(SerializeEvent(events[0]));
  events[1].attempt.reset();
  EXPECT_FALSE(SerializeEvent(events[1]));
  events[2].output->sensitive = true;
  EXPECT_FALSE(SerializeEvent(events[2])) << "a sensitive output's value must not leave the server";
}

TEST(Command, EachKind_IsReadOnlyUnderItsOwnPayloadType) {
  const auto kinds = {CommandType::kCancel, CommandType::kDrain, CommandType::kAck,
                      CommandType::kKeys,   CommandType::kQuery, CommandType::kRetryNow};
  for (const auto type : kinds) {
    Command command;
    command.agent = "agent-web1";
    command.nonce = std::string(32, '0');
    command.expires_at = command.issued_at + Seconds{60};
    if (type == CommandType::kCancel) command.cancel = Cancel{};
    if (type == CommandType::kDrain) command.drain = Drain{};
    if (type == CommandType::kAck) command.ack = Ack{.seq = 9};
    if (type == CommandType::kKeys) command.keys = NewKeys{.sealed = "AAEC"};
    if (type == CommandType::kQuery) command.query = Query{.jobs = {Uuid()}, .handed_over = {}};
    if (type == CommandType::kRetryNow) command.retry_now = RetryNow{.job = {}, .attempt = 1};
    const auto text = SerializeCommand(type, command);
    ASSERT_TRUE(text) << text.error().message;
    for (const auto other : kinds) {
      EXPECT_EQ(ParseCommand(other, *text).has_value(), other == type);
    }
    EXPECT_EQ(CommandTypeOf(PayloadType(type)), type);
  }
  EXPECT_EQ(CommandTypeOf(kOrderPayloadType), std::nullopt);
}

TEST(Command, AQuery_OfNothingOrTooMuch_IsRefused) {
  Command command;
  command.agent = "agent-web1";
  command.nonce = std::string(32, '0');
  command.expires_at = command.issued_at + Seconds{60};
  command.query = Query{};
  EXPECT_FALSE(SerializeCommand(CommandType::kQuery, command));
  command.query->jobs.resize(kMaxQueriedJobs + 1);
  EXPECT_FALSE(SerializeCommand(CommandType::kQuery, command));
  command.query->jobs.resize(1);
  command.query->handed_over.resize(kMaxQueriedJobs - 1);
  EXPECT_TRUE(SerializeCommand(CommandType::kQuery, command));
  command.query->handed_over.resize(kMaxQueriedJobs);
  EXPECT_FALSE(SerializeCommand(CommandType::kQuery, command));
}

}  // namespace
}  // namespace prov::job
