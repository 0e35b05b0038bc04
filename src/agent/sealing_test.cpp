#include "agent/sealing.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/identity.hpp"
#include "base/encoding.hpp"
#include "support/temporary_directory.hpp"

namespace prov::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SealingTest : public ::testing::Test {
 protected:
  Path File() const { return state_.root / "sealing-key"; }
  FakeClock clock_;
  FakeRandom random_;
  test::TemporaryDirectory directory_;
  exec::StatePaths state_{directory_.path()};
};

TEST_F(SealingTest, TheKeyIsMadeOnceAndIsPrivate) {
  EXPECT_EQ(ReadSealing(state_).error().code, ErrorCode::kNotFound);
  const auto first = EnsureSealing(state_);
  const auto second = EnsureSealing(state_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->present.public_key, second->present.public_key);
  EXPECT_FALSE(second->previous);
  struct stat status{};
  ASSERT_EQ(stat(File().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(SealingTest, RotatedIsReadAgainWithTheKeyBefore) {
  const auto before = EnsureSealing(state_);
  ASSERT_TRUE(before);
  auto rotated = RotateSealing(state_);
  ASSERT_TRUE(rotated) << rotated.error().ToString();
  EXPECT_NE(rotated->present.public_key, before->present.public_key);
  rotated->previous->out_since = clock_.Now();
  ASSERT_TRUE(WriteSealing(state_, *rotated));
  const auto read = ReadSealing(state_);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->present.private_key.view(), rotated->present.private_key.view());
  ASSERT_TRUE(read->previous);
  EXPECT_EQ(read->previous->keys.private_key.view(), before->present.private_key.view());
  EXPECT_EQ(read->previous->keys.public_key, before->present.public_key);
  EXPECT_EQ(read->previous->out_since, clock_.Now());
  struct stat status{};
  ASSERT_EQ(stat(File().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

// A third key would push out the first, and the jobs that were sealed to it.
TEST_F(SealingTest, RotatedWhileTheKeyBeforeIsKept_IsRefusedAndNothingChanges) {
  ASSERT_TRUE(EnsureSealing(state_));
  auto rotated = RotateSealing(state_);
  ASSERT_TRUE(rotated);
  const auto unheard = RotateSealing(state_);
  ASSERT_FALSE(unheard);
  EXPECT_EQ(unheard.error().code, ErrorCode::kConflict);
  EXPECT_THAT(unheard.error().message, HasSubstr("the agent must run"));
  rotated->previous->out_since = WallTime{Millis{1'800'000'000'000}};
  ASSERT_TRUE(WriteSealing(state_, *rotated));
  const auto again = RotateSealing(state_);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("until 2027-01-16T08:10:00.000Z"));
  EXPECT_EQ(ReadSealing(state_)->present.public_key, rotated->present.public_key);
  rotated->previous.reset();
  ASSERT_TRUE(WriteSealing(state_, *rotated));
  EXPECT_TRUE(RotateSealing(state_));
}

TEST_F(SealingTest, WithoutAKey_NoneIsRotated) {
  EXPECT_EQ(RotateSealing(state_).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(File()));
}

TEST_F(SealingTest, WhatWasSealedToEitherKeyIsOpenedAndToAnotherIsNot) {
  const auto before = EnsureSealing(state_);
  const auto rotated = RotateSealing(state_);
  ASSERT_TRUE(before && rotated);
  const auto job = Uuid::MakeV7(clock_, random_);
  for (const auto& key : {before->present.public_key, rotated->present.public_key}) {
    const auto opened = Unseal(*rotated, job, "token", *signing::Seal(key, job, "token", "secret"));
    ASSERT_TRUE(opened) << opened.error().ToString();
    EXPECT_EQ(opened->view(), "secret");
    const auto of_another = *signing::Seal(key, Uuid::MakeV7(clock_, random_), "token", "secret");
    EXPECT_FALSE(Unseal(*rotated, job, "token", of_another));
  }
  const auto foreign =
      *signing::Seal(signing::MakeSealingKeys().public_key, job, "token", "secret");
  EXPECT_EQ(Unseal(*rotated, job, "token", foreign).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(SealingTest, AKeyOfAnEarlierVersionIsRead) {
  const auto keys = signing::MakeSealingKeys();
  ASSERT_TRUE(WriteFileAtomically(File(), Base64Encode(keys.private_key.view()) + "\n", 0600));
  const auto read = ReadSealing(state_);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->present.public_key, keys.public_key);
  EXPECT_FALSE(read->previous);
}

TEST_F(SealingTest, DamagedOrReadableByOthers_IsRefusedAndNeverQuoted) {
  for (const std::string text :
       {"canary", "{\"v\": 1, \"key\": \"canary\"}", "{\"v\": 1, \"canary\": \"\"}", ""}) {
    ASSERT_TRUE(WriteFileAtomically(File(), text, 0600));
    const auto read = ReadSealing(state_);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << text;
    EXPECT_THAT(read.error().ToString(), Not(HasSubstr("canary")));
    EXPECT_FALSE(EnsureSealing(state_)) << "another key would lose what was sealed to this one";
  }
  std::filesystem::remove(File());
  ASSERT_TRUE(EnsureSealing(state_));
  ASSERT_EQ(chmod(File().c_str(), 0640), 0);
  EXPECT_EQ(ReadSealing(state_).error().code, ErrorCode::kPermissionDenied);
}

// An agent whose sealing key was lost must say so, and not that it was never enrolled.
TEST_F(SealingTest, KeysWithoutIt_AreCorrupt) {
  const auto identity = DeriveIdentity("agent-1", std::string(32, 's'), state_);
  ASSERT_TRUE(identity);
  ASSERT_TRUE(WriteIdentity(state_, *identity));
  std::filesystem::remove(File());
  EXPECT_EQ(ReadIdentity(state_).error().code, ErrorCode::kCorrupt);
}

// They had the sealing key in that file too.
TEST_F(SealingTest, KeysOfAnEarlierVersionAreRead) {
  const auto identity = DeriveIdentity("agent-1", std::string(32, 's'), state_);
  ASSERT_TRUE(identity);
  ASSERT_TRUE(WriteIdentity(state_, *identity));
  auto text = *ReadFile(state_.root / "keys", 4096);
  EXPECT_THAT(text, Not(HasSubstr("sealing")));
  text.insert(
      text.rfind('}'),
      ",\"sealing\":\"" + Base64Encode(signing::MakeSealingKeys().private_key.view()) + "\"");
  ASSERT_TRUE(WriteFileAtomically(state_.root / "keys", text, 0600));
  const auto read = ReadIdentity(state_);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->sealing.present.public_key, identity->sealing.present.public_key);
}

}  // namespace
}  // namespace prov::agent
