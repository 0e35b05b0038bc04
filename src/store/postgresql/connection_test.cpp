// What is bound and read back, byte for byte, and what a session is set to.
#include "store/postgresql/connection.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/postgresql.hpp"
#include "support/requires.hpp"

namespace prov::store::postgresql {
namespace {

using sql::Blob;
using sql::Row;
using sql::Value;
using ::testing::HasSubstr;

class PostgresqlConnection : public testing::Test {
 protected:
  void SetUp() override {
    PROV_REQUIRES("postgresql");
    url_ = test::PostgresqlServer::Shared().NewDatabase();
    connection_ = *Connection::Open(url_, {});
  }
  std::string Text(const std::string& sql) {
    std::string text;
    const auto asked = connection_->Query(sql, {}, [&](const Row& row) { text = row.Text(0); });
    EXPECT_TRUE(asked) << asked.error().ToString();
    return text;
  }

  std::string url_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(PostgresqlConnection, Values_AreReadBackAsTheyWere) {
  ASSERT_TRUE(
      connection_->Script("CREATE TEMPORARY TABLE t (n BIGINT, b BYTEA, x TEXT, d FLOAT8)"));
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  struct Kept {
    Value number;
    std::string blob;
    std::string text;
  };
  const auto insert = [&](const Kept& kept) {
    return connection_->Run("INSERT INTO t VALUES (?1, ?2, ?3, ?4)",
                            {kept.number, Blob{kept.blob}, kept.text, 0.1});
  };
  using Limits = std::numeric_limits<std::int64_t>;
  // The first one decides the types of the prepared statement.
  const std::vector<Kept> all{{Value{}, "", ""},
                              {Limits::min(), bytes, "Zwölf ' \" \\ ?1 $1"},
                              {Limits::max(), std::string(1 << 20, '\0'), "\x01\x7f"},
                              {std::int64_t{-1}, "x", std::string(1 << 20, 'y')}};
  for (const auto& each : all) {
    const auto done = insert(each);
    ASSERT_TRUE(done) << done.error().ToString();
    EXPECT_EQ(*done, 1);
  }
  std::size_t row_number = 0;
  ASSERT_TRUE(connection_->Query("SELECT n, b, x, d FROM t", {}, [&](const Row& row) {
    const auto& kept = all.at(row_number++);
    EXPECT_EQ(row.IsNull(0), std::holds_alternative<std::monostate>(kept.number));
    if (!row.IsNull(0)) {
      EXPECT_EQ(row.Int(0), std::get<std::int64_t>(kept.number));
    }
    EXPECT_FALSE(row.IsNull(1));
    EXPECT_EQ(row.Text(1), kept.blob);
    EXPECT_EQ(row.Text(2), kept.text);
  }));
  EXPECT_EQ(row_number, all.size());
  EXPECT_EQ(Text("SELECT count(*)::TEXT FROM t WHERE d = 0.1"), "4");
  EXPECT_EQ(*connection_->Run("UPDATE t SET n = ?1", {std::int64_t{7}}), 4);
}

TEST_F(PostgresqlConnection, Numbers_OfEveryWidthAreRead) {
  ASSERT_TRUE(connection_->Query(
      "SELECT (-2)::SMALLINT, 70000::INTEGER, (-70000)::INTEGER, true, count(*) FROM pg_class "
      "WHERE false",
      {}, [](const Row& row) {
        EXPECT_EQ(row.Int(0), -2);
        EXPECT_EQ(row.Int(1), 70000);
        EXPECT_EQ(row.Int(2), -70000);
        EXPECT_EQ(row.Int(3), 1);
        EXPECT_EQ(row.Int(4), 0);
      }));
}

TEST_F(PostgresqlConnection, TextThatCannotBeStored_IsTheCallersError) {
  ASSERT_TRUE(connection_->Script("CREATE TEMPORARY TABLE t (x TEXT)"));
  for (const auto& text :
       {std::string("a\0b", 3), std::string("\xff"), std::string("\xed\xa0\x80")}) {
    const auto refused = connection_->Run("INSERT INTO t VALUES (?1)", {text});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(Text("SELECT count(*)::TEXT FROM t"), "0");
  EXPECT_FALSE(connection_->lost());
}

TEST_F(PostgresqlConnection, AsynchronousCommit_IsNotTakenOver) {
  auto& server = test::PostgresqlServer::Shared();
  const auto name = Text("SELECT current_database()");
  EXPECT_EQ(Text("SHOW synchronous_commit"), "on");
  server.Sql("ALTER DATABASE " + name + " SET synchronous_commit = off");
  connection_ = *Connection::Open(url_, {});
  EXPECT_EQ(Text("SHOW synchronous_commit"), "on");
  server.Sql("ALTER DATABASE " + name + " SET synchronous_commit = remote_apply");
  connection_ = *Connection::Open(url_, {});
  EXPECT_EQ(Text("SHOW synchronous_commit"), "remote_apply") << "more than asked for is kept";
}

TEST_F(PostgresqlConnection, AnotherEncoding_IsRefusedWithASentence) {
  auto& server = test::PostgresqlServer::Shared();
  server.Sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  const auto refused = Connection::Open(server.Url("latin"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("the database's encoding is LATIN1"));
}

TEST_F(PostgresqlConnection, LongStatement_IsEndedByTheServer) {
  connection_ = *Connection::Open(url_, {.statement_timeout = Millis{100}});
  const auto slow = connection_->Run("SELECT pg_sleep(60)");
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(connection_->trouble(), Trouble::kTooSlow);
  EXPECT_FALSE(connection_->lost());
}

TEST_F(PostgresqlConnection, ServerThatIsSilent_IsWaitedForUntilTheDeadline) {
  connection_ = *Connection::Open(url_, {.statement_timeout = Millis{100}});
  auto& server = test::PostgresqlServer::Shared();
  server.Freeze();
  const auto silent = connection_->Run("SELECT 1");
  server.Thaw();
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(connection_->lost());
  EXPECT_EQ(connection_->Run("SELECT 1").error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace prov::store::postgresql
