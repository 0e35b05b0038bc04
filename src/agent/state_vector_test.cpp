// The agent's own files over tests/vectors/agent/state.json, made by another implementation.
#include <gtest/gtest.h>

#include "agent/executor/quarantine.hpp"
#include "agent/identity.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "support/temporary_directory.hpp"
#include "support/vectors.hpp"

namespace prov::agent {
namespace {

using boost::json::value;
using test::ExpectRefused;
using test::RowsAt;
using test::TextAt;

class StateVectors : public testing::Test {
 protected:
  void Put(std::string_view name, std::string_view text) const {
    ASSERT_TRUE(WriteFileAtomically(state_.root / name, text, 0600));
  }
  std::string OnDisk(std::string_view name) const {
    return ReadFile(state_.root / name, 1 << 16).value();
  }

  const value vectors_ = test::Vectors("agent/state.json");
  const test::TemporaryDirectory directory_;
  const exec::StatePaths state_{directory_.path()};
};

TEST_F(StateVectors, Keys_AreReadAndWrittenByteForByte) {
  const auto& keys = vectors_.at("keys");
  Put("sealing-key", vectors_.at("sealing_key").at("valid").at(0).as_string());
  for (const auto& text : RowsAt(keys, "earlier")) {
    Put("keys", text.as_string());
    EXPECT_TRUE(ReadIdentity(state_));
  }
  for (const auto& text : RowsAt(keys, "valid")) {
    Put("keys", text.as_string());
    const auto identity = ReadIdentity(state_);
    ASSERT_TRUE(identity) << identity.error().ToString();
    std::filesystem::remove(state_.root / "keys");
    ASSERT_TRUE(WriteIdentity(state_, *identity));
    EXPECT_EQ(OnDisk("keys"), text.as_string());
  }
  for (const auto& row : RowsAt(keys, "refused")) {
    SCOPED_TRACE(TextAt(row, "name"));
    Put("keys", TextAt(row, "text"));
    ExpectRefused(ReadIdentity(state_), row);
  }
}

TEST_F(StateVectors, TheSealingKey_IsReadAndWrittenByteForByte) {
  const auto& vectors = vectors_.at("sealing_key");
  for (const auto& text : RowsAt(vectors, "earlier")) {
    Put("sealing-key", text.as_string());
    const auto sealing = EnsureSealing(state_);
    ASSERT_TRUE(sealing) << sealing.error().ToString();
    EXPECT_EQ(Base64Encode(sealing->present.public_key), TextAt(vectors, "public_key"));
    EXPECT_FALSE(sealing->previous);
  }
  for (const auto& text : RowsAt(vectors, "valid")) {
    Put("sealing-key", text.as_string());
    const auto sealing = EnsureSealing(state_);
    ASSERT_TRUE(sealing) << sealing.error().ToString();
    EXPECT_EQ(Base64Encode(sealing->present.public_key), TextAt(vectors, "public_key"));
    if (sealing->previous) {
      EXPECT_EQ(Base64Encode(sealing->previous->keys.public_key),
                TextAt(vectors, "previous_public_key"));
    }
    std::filesystem::remove(state_.root / "sealing-key");
    ASSERT_TRUE(WriteSealing(state_, *sealing));
    EXPECT_EQ(OnDisk("sealing-key"), text.as_string());
  }
  for (const auto& row : RowsAt(vectors, "refused")) {
    SCOPED_TRACE(TextAt(row, "name"));
    Put("sealing-key", TextAt(row, "text"));
    ExpectRefused(EnsureSealing(state_), row);
    EXPECT_EQ(OnDisk("sealing-key"), TextAt(row, "text"));
  }
}

TEST_F(StateVectors, TheEpoch_IsReadAndWrittenByteForByte) {
  const auto& epochs = vectors_.at("epoch");
  for (const auto& text : RowsAt(epochs, "valid")) {
    Put("epoch", text.as_string());
    const auto epoch = ReadEpoch(state_);
    ASSERT_TRUE(epoch) << epoch.error().ToString();
    std::filesystem::remove(state_.Epoch());
    ASSERT_TRUE(WriteEpoch(state_, *epoch));
    EXPECT_EQ(OnDisk("epoch"), text.as_string());
  }
  for (const auto& row : RowsAt(epochs, "refused")) {
    SCOPED_TRACE(TextAt(row, "name"));
    Put("epoch", TextAt(row, "text"));
    ExpectRefused(ReadEpoch(state_), row);
  }
}

TEST_F(StateVectors, WhatAnEarlierLifeLeft_DecidesWhetherAParcelIsLookedAt) {
  for (const auto& row : RowsAt(vectors_, "quarantine")) {
    SCOPED_TRACE(TextAt(row, "name"));
    Put("parcel.in-hand", TextAt(row, "in_hand"));
    Put("parcels.suspect", TextAt(row, "suspects"));
    auto quarantine = Quarantine::Open(state_.root);
    ASSERT_TRUE(quarantine) << quarantine.error().ToString();
    EXPECT_EQ(OnDisk("parcels.suspect"), TextAt(row, "suspects_after"));
    EXPECT_EQ(quarantine->Begin(TextAt(row, "parcel")), row.at("looked_at").as_bool());
    const auto job = quarantine->job();
    EXPECT_EQ(job ? value(job->ToString()) : value(), row.at("job"));
  }
}

TEST_F(StateVectors, TheParcelInHand_IsNotedAsTheVectorsHaveIt) {
  const auto& rows = RowsAt(vectors_, "quarantine");
  const auto named = std::ranges::find_if(
      rows, [](const value& each) { return TextAt(each, "in_hand").size() > 64; });
  ASSERT_NE(named, rows.end());
  const auto& row = *named;
  auto quarantine = Quarantine::Open(state_.root);
  ASSERT_TRUE(quarantine) << quarantine.error().ToString();
  ASSERT_TRUE(quarantine->Begin(TextAt(row, "parcel")));
  quarantine->Name(Uuid::Parse(TextAt(row, "job")).value());
  EXPECT_EQ(OnDisk("parcel.in-hand"), TextAt(row, "in_hand"));
}

}  // namespace
}  // namespace prov::agent
