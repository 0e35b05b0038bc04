#include "agent/executor/quarantine.hpp"

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov::agent {
namespace {

class QuarantineTest : public ::testing::Test {
 protected:
  // A life of the process that ends while it takes the parcel; false when it would not look at it.
  bool DieOf(std::string_view parcel) { return Quarantine::Open(directory_.path())->Begin(parcel); }

  test::TemporaryDirectory directory_;
};

TEST_F(QuarantineTest, AParcelThatKillsThreeTimes_IsNotLookedAtAgainAndOthersAre) {
  EXPECT_TRUE(DieOf("poison"));
  EXPECT_TRUE(DieOf("poison"));
  // The order the queue gives them in does not matter.
  {
    auto life = *Quarantine::Open(directory_.path());
    EXPECT_TRUE(life.Begin("good"));
    life.End();
  }
  EXPECT_TRUE(DieOf("poison"));
  auto life = *Quarantine::Open(directory_.path());
  EXPECT_FALSE(life.Begin("poison"));
  EXPECT_TRUE(life.Begin("good"));
  life.End();
  EXPECT_FALSE(Quarantine::Open(directory_.path())->Begin("poison"));
}

TEST_F(QuarantineTest, ParcelsThatWereTaken_AreNeverSuspected) {
  for (int i = 0; i < 10; ++i) {
    auto life = *Quarantine::Open(directory_.path());
    EXPECT_TRUE(life.Begin("good"));
    life.End();
  }
}

TEST_F(QuarantineTest, DeathsOfAnotherCause_AreForgottenOnceItWasTaken) {
  EXPECT_TRUE(DieOf("good"));
  EXPECT_TRUE(DieOf("good"));
  {
    auto life = *Quarantine::Open(directory_.path());
    EXPECT_TRUE(life.Begin("good"));
    life.End();
  }
  EXPECT_TRUE(DieOf("good"));
  EXPECT_TRUE(Quarantine::Open(directory_.path())->Begin("good"));
}

TEST_F(QuarantineTest, FilesThatAreDamaged_QuarantineNothing) {
  ASSERT_TRUE(WriteFileAtomically(directory_.path() / "parcels.suspect", "{\"x\":", 0600));
  ASSERT_TRUE(WriteFileAtomically(directory_.path() / "parcel.in-hand", "nonsense", 0600));
  auto life = Quarantine::Open(directory_.path());
  ASSERT_TRUE(life);
  EXPECT_TRUE(life->Begin("good"));
}

}  // namespace
}  // namespace prov::agent
