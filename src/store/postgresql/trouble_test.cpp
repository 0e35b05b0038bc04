#include "store/postgresql/trouble.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/postgresql/connection.hpp"

namespace prov::store::postgresql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  std::string state;
  Trouble trouble;
  ErrorCode code;
  std::string advice;  // a part of the sentence
};

class Troubles : public testing::TestWithParam<Case> {};

TEST_P(Troubles, EachStateHasItsMeaningAndItsSentence) {
  const auto trouble = TroubleOf(GetParam().state);
  EXPECT_EQ(trouble, GetParam().trouble);
  const auto error = ErrorOf(trouble, "what it said", "doing it");
  EXPECT_EQ(error.code, GetParam().code);
  EXPECT_THAT(error.message, HasSubstr("what it said"));
  EXPECT_THAT(error.message, HasSubstr(GetParam().advice));
  EXPECT_EQ(error.context, std::vector<std::string>{"doing it"});
}

INSTANTIATE_TEST_SUITE_P(
    Each, Troubles,
    testing::Values(
        Case{"", Trouble::kUnavailable, ErrorCode::kUnavailable, "is the server up"},
        Case{"08006", Trouble::kUnavailable, ErrorCode::kUnavailable, "is the server up"},
        Case{"57P01", Trouble::kUnavailable, ErrorCode::kUnavailable, "is the server up"},
        Case{"57P03", Trouble::kUnavailable, ErrorCode::kUnavailable, "is the server up"},
        Case{"58030", Trouble::kUnavailable, ErrorCode::kUnavailable, "is the server up"},
        Case{"25P03", Trouble::kUnavailable, ErrorCode::kUnavailable, "is the server up"},
        Case{"40001", Trouble::kSerialization, ErrorCode::kUnavailable, ""},
        Case{"40P01", Trouble::kSerialization, ErrorCode::kUnavailable, ""},
        Case{"26000", Trouble::kStaleStatement, ErrorCode::kUnavailable, ""},
        Case{"0A000", Trouble::kStaleStatement, ErrorCode::kUnavailable, ""},
        Case{"23505", Trouble::kConstraint, ErrorCode::kConflict, ""},
        Case{"23503", Trouble::kConstraint, ErrorCode::kConflict, ""},
        Case{"22021", Trouble::kText, ErrorCode::kInvalidArgument, "neither NUL"},
        Case{"25006", Trouble::kReadOnly, ErrorCode::kUnavailable, "the primary server"},
        Case{"53100", Trouble::kFull, ErrorCode::kUnavailable, "more disk"},
        Case{"53200", Trouble::kFull, ErrorCode::kUnavailable, "memory"},
        Case{"53300", Trouble::kTooManyConnections, ErrorCode::kUnavailable, "max_connections"},
        Case{"28P01", Trouble::kWrongPassword, ErrorCode::kUnavailable, "passfile"},
        Case{"28000", Trouble::kWrongPassword, ErrorCode::kUnavailable, "pg_hba.conf"},
        Case{"3D000", Trouble::kUnknownDatabase, ErrorCode::kUnavailable, "CREATE DATABASE"},
        Case{"42501", Trouble::kNotAllowed, ErrorCode::kUnavailable, "owner of the database"},
        Case{"55P03", Trouble::kTooSlow, ErrorCode::kUnavailable, "pg_stat_activity"},
        Case{"57014", Trouble::kTooSlow, ErrorCode::kUnavailable, "pg_stat_activity"},
        Case{"XX001", Trouble::kCorrupt, ErrorCode::kCorrupt, "backup"},
        Case{"XX000", Trouble::kOther, ErrorCode::kInternal, ""},
        Case{"42703", Trouble::kOther, ErrorCode::kInternal, ""}),
    [](const auto& tested) {
      return tested.param.state.empty() ? std::string("None") : tested.param.state;
    });

TEST(PostgresqlUrl, Taken) {
  for (const auto* url :
       {"postgresql://panel:pass%20word@db.example.test:5432/panel?sslmode=verify-full",
        "postgres://panel@/panel?host=/run/postgresql", "postgresql://a,b/panel"}) {
    EXPECT_TRUE(CheckUrl(url)) << url;
  }
}

TEST(PostgresqlUrl, Refused_WithoutBeingQuoted) {
  for (const auto* url :
       {"postgresql://panel:canary@[::1/panel", "postgresql://panel:can%ary@db/panel",
        "postgresql://panel:canary@db/panel?sslmod=require", "host=db password=canary",
        "postgresql:canary", ""}) {
    const auto refused = CheckUrl(url);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().ToString(), HasSubstr("postgresql://USER:PASSWORD@HOST"));
    EXPECT_THAT(refused.error().ToString(), Not(HasSubstr("can")));
  }
}

TEST(PostgresqlVersion, FromThirteenOn) {
  EXPECT_TRUE(CheckVersion(130'000));
  EXPECT_TRUE(CheckVersion(150'018));
  const auto refused = CheckVersion(120'022);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("PostgreSQL 12; version 13 or newer"));
}

}  // namespace
}  // namespace prov::store::postgresql
