#include "redis/reply_error.hpp"

#include <gtest/gtest.h>

namespace prov::redis {
namespace {

TEST(ReplyErrorTest, ReplyError_FirstWord_DecidesTheCode) {
  const std::pair<const char*, ErrorCode> table[] = {
      {"WRONGPASS invalid username-password pair", ErrorCode::kUnauthenticated},
      {"NOAUTH Authentication required.", ErrorCode::kUnauthenticated},
      {"DENIED Redis is running in protected mode", ErrorCode::kUnauthenticated},
      {"NOPERM this user has no permissions", ErrorCode::kPermissionDenied},
      {"OOM command not allowed when used memory > 'maxmemory'.", ErrorCode::kExhausted},
      {"LOADING Redis is loading the dataset in memory", ErrorCode::kUnavailable},
      {"READONLY You can't write against a read only replica.", ErrorCode::kUnavailable},
      {"MISCONF Redis is configured to save RDB snapshots", ErrorCode::kUnavailable},
      {"MASTERDOWN Link with MASTER is down", ErrorCode::kUnavailable},
      {"CLUSTERDOWN The cluster is down", ErrorCode::kUnavailable},
      {"MOVED 3999 127.0.0.1:6381", ErrorCode::kUnavailable},
      {"ASK 3999 127.0.0.1:6381", ErrorCode::kUnavailable},
      {"CROSSSLOT Keys in request don't hash to the same slot", ErrorCode::kInvalidArgument},
      {"NOGROUP No such key", ErrorCode::kNotFound},
      {"BUSYGROUP Consumer Group name already exists", ErrorCode::kConflict},
      {"EXECABORT Transaction discarded", ErrorCode::kConflict},
      {"WRONGTYPE Operation against a key", ErrorCode::kInvalidArgument},
      {"ERR syntax error", ErrorCode::kInvalidArgument},
      {"", ErrorCode::kInvalidArgument},
  };
  for (const auto& [reply, code] : table) {
    const auto error = FromErrorReply(reply);
    EXPECT_EQ(error.code, code) << reply;
    EXPECT_NE(error.message.find(reply), std::string::npos) << "what the server said";
  }
}

TEST(ReplyErrorTest, ReplyError_ArgumentsThatTheServerRepeats_AreLeftOut) {
  const auto error = FromErrorReply(
      "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `u`, `hunter2`, ");
  EXPECT_EQ(error.message.find("hunter2"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("unknown command `HELLO`"), std::string::npos);
}

}  // namespace
}  // namespace prov::redis
