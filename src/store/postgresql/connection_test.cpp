// What is bound and read back, byte for byte, and what a session is set to.
#include "store/postgresql/connection.hpp"

#include <limits>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
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

// Takes connections, and says nothing.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_.get(), generic, size), 0);
    EXPECT_EQ(listen(socket_.get(), 64), 0);
    EXPECT_EQ(getsockname(socket_.get(), generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }

 private:
  UniqueFd socket_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port_ = 0;
};

class SeveralHosts : public PostgresqlConnection {
 protected:
  // All on loopback; the database is that of this test.
  std::string Url(const std::vector<int>& ports, const std::string& user = "panel") const {
    std::string hosts;
    for (const int port : ports)
      hosts += fmt::format("{}127.0.0.1:{}", hosts.empty() ? "" : ",", port);
    return "postgresql://" + user + "@" + hosts + url_.substr(url_.rfind('/'));
  }
  struct Opened {
    bool connected = false;
    std::string said;
    Trouble trouble = Trouble::kOther;
    std::chrono::steady_clock::duration took{};
  };
  static Opened Open(const std::string& url, Millis timeout) {
    Opened opened;
    const auto begun = std::chrono::steady_clock::now();
    const auto connection = Connection::Open(url, {.connect_timeout = timeout}, &opened.trouble);
    opened.took = std::chrono::steady_clock::now() - begun;
    opened.connected = connection.has_value();
    if (!connection) opened.said = connection.error().ToString();
    return opened;
  }
  int port() const { return test::PostgresqlServer::Shared().port(); }

  SilentServer silent_;
};

TEST_F(SeveralHosts, SilentOne_LeavesTimeForThoseBehind) {
  const auto opened = Open(Url({silent_.port(), port()}), Seconds{4});
  EXPECT_TRUE(opened.connected) << opened.said;
  EXPECT_GE(opened.took, Seconds{2}) << "it had its share";
}

TEST_F(SeveralHosts, AllSilent_AreWaitedForNoLongerThanOne) {
  for (const auto& ports : {std::vector{silent_.port()}, {silent_.port(), silent_.port()}}) {
    const auto opened = Open(Url(ports), Millis{300});
    EXPECT_FALSE(opened.connected);
    EXPECT_EQ(opened.trouble, Trouble::kUnavailable);
    EXPECT_THAT(opened.said,
                HasSubstr(fmt::format("no answer from 127.0.0.1, port {}, within {} ms",
                                      silent_.port(), 300 / ports.size())));
    EXPECT_GE(opened.took, Millis{300});
    EXPECT_LT(opened.took, Seconds{3});
  }
}

TEST_F(SeveralHosts, WhatEachSaid_IsTold) {
  const auto opened = Open(Url({1, silent_.port()}), Millis{400});
  EXPECT_FALSE(opened.connected);
  EXPECT_THAT(opened.said, HasSubstr("port 1 failed: Connection refused; no answer from"));
}

TEST_F(SeveralHosts, AnswerThatWaitingDoesNotMend_IsTheLast) {
  test::PostgresqlServer::Shared().Sql("DROP ROLE IF EXISTS nobody_here");
  const auto opened = Open(Url({port(), silent_.port()}, "nobody_here"), Seconds{60});
  EXPECT_FALSE(opened.connected);
  EXPECT_EQ(opened.trouble, Trouble::kWrongPassword);
  EXPECT_LT(opened.took, Seconds{20}) << "the silent one was not asked";
}

TEST_F(SeveralHosts, WhichTakesNoWrites_IsPassedByWhereWritesAreWanted) {
  const auto name = url_.substr(url_.rfind('/') + 1);
  test::PostgresqlServer::Shared().Sql("ALTER DATABASE " + name +
                                       " SET default_transaction_read_only = on");
  const auto opened =
      Open(Url({port(), silent_.port()}) + "?target_session_attrs=read-write", Millis{400});
  EXPECT_FALSE(opened.connected);
  EXPECT_THAT(opened.said, HasSubstr("session is read-only; no answer from"));
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
