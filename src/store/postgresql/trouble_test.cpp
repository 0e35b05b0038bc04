#include "store/postgresql/trouble.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/postgresql/connection.hpp"

namespace prov::store::postgresql {
namespace {

using ::testing::AnyOf;
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

// Each holds "hunter" and "secret" in what was meant as the password, or as a part of it.
TEST(PostgresqlUrl, Refused_WithoutBeingQuoted) {
  for (const auto* url : {
           "postgresql://panel:hunter@secret@db.example/panel",
           "postgresql://panel:hunter/secret@db.example/panel",
           "postgresql://panel:4711/hunter-secret@db.example/panel",
           "postgresql://panel:hunter?secret@x@db.example/panel",
           "postgresql://panel:hunter/secret?x=1@db.example/panel",
           "postgresql://panel:hunter/?secret@db.example/panel",
           "postgresql://panel:hunter%secret@db.example/panel",
           "postgresql://panel:hunter%4gsecret@db.example/panel",
           "postgresql://panel:hunter%00secret@db.example/panel",
           "postgresql://panel:hunter-secret",
           "postgresql://panel:hunter-secret/panel",
           "postgresql://panel@db.example:hunter-secret/panel",
           "postgresql://panel@db.example:5432:hunter-secret/panel",
           "postgresql://panel@db.example:5432hunter-secret/panel",
           "postgresql://panel:x@db1.example:5432,db2.example:hunter-secret/panel",
           "postgresql://panel@db.example/panel?port=hunter-secret",
           "postgresql://panel@db.example/panel?password=hunter&secret",
           "postgresql://panel@db.example/panel?hunter=secret",
           "postgresql:/panel:hunter-secret@db.example/panel",
           "postgresql:panel:hunter-secret@db.example/panel",
           "postgresql://panel:x@db.example:70000/hunter-secret",
           "postgresql://panel:hunter-secret@[::1/panel",
           "postgresql://panel:hunter-secret@db/panel?sslmod=require",
           "host=db.example password=hunter-secret",
           "postgresql:hunter-secret",
           "",
       }) {
    const auto checked = CheckUrl(url);
    ASSERT_FALSE(checked) << url;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument) << url;
    const auto opened = Connection::Open(url, {.connect_timeout = Millis{200}});
    ASSERT_FALSE(opened) << url;
    for (const auto& said : {checked.error().ToString(), opened.error().ToString()}) {
      EXPECT_THAT(said, HasSubstr("postgresql://USER:PASSWORD@HOST:PORT/DATABASE")) << url;
      EXPECT_THAT(said, Not(AnyOf(HasSubstr("hunter"), HasSubstr("secret"), HasSubstr("4711"))));
    }
  }
}

TEST(PostgresqlUrl, Taken) {
  for (const auto* url : {
           "postgresql://",
           "postgres://panel@/panel?host=/run/postgresql",
           "postgresql://panel:pass%20word@db.example:5432/panel?sslmode=verify-full",
           "postgresql://a,b/panel",
           "postgresql://panel:p%40ss%2Fw%25rd%3F@db.example:5432/panel",
           "postgresql://panel:with:colon,comma?mark#hash@db.example/panel",
           "postgresql://panel@db1.example:5432,db2.example,[::1]:5433/panel",
           "postgresql://panel@db.example:/panel?sslmode=require",
           "postgresql://%2Frun%2Fpostgresql/panel",
           "postgresql:///panel?host=/run/postgresql&user=panel@corp.example&port=5433",
       }) {
    const auto checked = CheckUrl(url);
    EXPECT_TRUE(checked) << url << ": " << checked.error().ToString();
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
