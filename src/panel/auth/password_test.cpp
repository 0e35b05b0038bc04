#include "panel/auth/password.hpp"

#include <atomic>
#include <latch>

#include <boost/asio/detached.hpp>

#include "panel/panel_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr PasswordCost kCheapPassword{.memory_kib = 64, .passes = 1};

class Passwords : public PanelTest {};

TEST_F(Passwords, AreKeptAsArgon2idWithTheirCostAndASalt) {
  const auto hash = *HashPassword("correct horse battery", random_);
  EXPECT_THAT(hash, StartsWith("$argon2id$v=19$m=65536,t=2,p=1$"));
  EXPECT_THAT(HashOfNobody(random_), StartsWith("$argon2id$v=19$m=65536,t=2,p=1$"));
  EXPECT_TRUE(*VerifyPassword(hash, "correct horse battery"));
  EXPECT_NE(*HashPassword("correct horse battery", random_, kCheapPassword),
            *HashPassword("correct horse battery", random_, kCheapPassword));
}

TEST_F(Passwords, AreTheirOwnBytesAndNoOthers) {
  const auto hash = *HashPassword("correct horse battery", random_, kCheapPassword);
  const std::string with_nul("correct horse battery\0", 22);
  for (const auto& wrong : {std::string("Correct horse battery"), std::string("correct horse"),
                            std::string("correct horse battery "), std::string(), with_nul, hash})
    EXPECT_FALSE(*VerifyPassword(hash, wrong)) << wrong;
  EXPECT_FALSE(*VerifyPassword(HashOfNobody(random_, kCheapPassword), ""));
}

TEST_F(Passwords, WhoseHashCannotBeRead_AreAnErrorAndFitNothing) {
  for (const auto* hash :
       {"", "x", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAAAAA"}) {
    const auto fits = VerifyPassword(hash, "x");
    ASSERT_FALSE(fits) << hash;
    EXPECT_EQ(fits.error().code, ErrorCode::kCorrupt);
  }
}

TEST_F(Passwords, ThatAreNew_AreRefusedByRule) {
  const struct {
    std::string password;
    std::string rule;
  } rows[] = {{"", "min_length"},
              {"elevenchars", "min_length"},
              {"äöüäöüäöüäö", "min_length"},
              {"twelve chars", ""},
              {"äöüäöüäöüäöü", ""},
              {std::string(1024, 'x'), ""},
              {std::string(1025, 'x'), "max_length"},
              {"ANN.OF.THE.HILL", "same"}};
  for (const auto& row : rows) {
    const auto fault = CheckNewPassword("/password", row.password, "ann.of.the.hill");
    EXPECT_EQ(fault ? fault->rule : "", row.rule) << row.password;
    if (fault) {
      EXPECT_EQ(fault->field, "/password");
    }
  }
}

class Pool : public PanelTest {};

TEST_F(Pool, RunsSoManyAtOnceLetsAFewWaitAndRefusesTheOthers) {
  BoundedPool pool(4, 3);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::latch go(1);
  const auto work = [&]() -> Result<int> {
    const int now = ++running;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    go.wait();
    --running;
    return 7;
  };
  int done = 0;
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    boost::asio::co_spawn(
        io_,
        [&]() -> boost::asio::awaitable<void> {
          const auto outcome = co_await pool.Run(work);
          if (outcome && *outcome == 7) ++done;
          if (!outcome && outcome.error().code == ErrorCode::kExhausted) ++refused;
        },
        boost::asio::detached);
  }
  ASSERT_TRUE(RunUntil([&] { return refused == 3 && running == 4; }));
  EXPECT_EQ(done, 0);
  go.count_down();
  ASSERT_TRUE(RunUntil([&] { return done == 7; }));
  EXPECT_EQ(most, 4);
  const auto again = Await(pool.Run(work));
  EXPECT_TRUE(again) << "a place is free again";
}

}  // namespace
}  // namespace prov::panel
