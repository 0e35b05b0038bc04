#include "transport/complaints.hpp"

#include <gtest/gtest.h>

namespace prov::transport {
namespace {

class Lines final : public Logger {
 public:
  void Write(LogLevel, std::string_view event, const LogSubject&,
             boost::json::object metadata) override {
    all.push_back(std::string(event) + " " + boost::json::serialize(metadata));
  }
  std::vector<std::string> all;
};

TEST(ComplaintsTest, AFailure_IsSaidOnce_UntilItIsAnotherOrThereIsAConnection) {
  Lines log;
  Complaints complaints(log, "queue_failed", "redis", "redis://h:1");
  const Error away{ErrorCode::kUnavailable, "away", {}};
  const Error full{ErrorCode::kExhausted, "full", {}};
  const auto said = [&] { return std::exchange(log.all, {}).size(); };
  complaints.Say("reading", away);
  ASSERT_EQ(log.all.size(), 1U);
  EXPECT_EQ(log.all[0],
            R"(queue_failed {"redis":"redis://h:1","doing":"reading","reason":"away"})");
  said();
  complaints.Say("reading", away);
  EXPECT_EQ(said(), 0U);
  complaints.Say("writing", away);
  EXPECT_EQ(said(), 1U) << "of another thing that is done";
  complaints.Say("reading", full);
  EXPECT_EQ(said(), 1U);
  complaints.Say("reading", away);
  EXPECT_EQ(said(), 1U);
  complaints.Forget("reading");
  complaints.Say("reading", away);
  complaints.Say("writing", away);
  EXPECT_EQ(said(), 1U);
  complaints.Connected("queue_connected");
  ASSERT_EQ(log.all.size(), 1U);
  EXPECT_EQ(log.all[0], R"(queue_connected {"redis":"redis://h:1"})");
  said();
  complaints.Say("reading", away);
  complaints.Say("writing", away);
  EXPECT_EQ(said(), 2U);
}

}  // namespace
}  // namespace prov::transport
