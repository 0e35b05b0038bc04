#include "agent/facts.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace prov::agent {
namespace {

TEST(Facts, SayWhatThisMachineIs) {
  const auto facts = CollectFacts("/");
  EXPECT_FALSE(facts.os.id.empty());
  EXPECT_FALSE(facts.os.architecture.empty());
  EXPECT_GE(facts.cpus, 1U);
  EXPECT_GT(facts.memory_mb, facts.memory_available_mb);
  EXPECT_GT(facts.memory_available_mb, 0U);
  EXPECT_GT(facts.disk_free_mb, 0U);
  const auto machine = CollectMachine("/");
  EXPECT_EQ(machine.os.id, facts.os.id);
  EXPECT_EQ(facts.os.id_like, machine.os.id_like);
  EXPECT_EQ(machine.ram_mb, static_cast<std::int64_t>(facts.memory_mb));
}

// An installer's packages go to /usr and their data to /var, wherever the agent keeps its state.
TEST(Facts, FreeDisk_IsNeverMoreThanAnyOfThePlacesHas) {
  const auto told = CollectFacts("/dev/shm").disk_free_mb;
  for (const char* place : {"/", "/usr", "/var", "/dev/shm"}) {
    const auto space = std::filesystem::space(place);
    EXPECT_LE(told, (space.available >> 20) + 64) << place;
  }
}

}  // namespace
}  // namespace prov::agent
