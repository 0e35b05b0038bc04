#include "net/backoff.hpp"

#include <gtest/gtest.h>

namespace prov::net {
namespace {

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(unsigned char byte) : byte_(byte) {}
  void Fill(void* buffer, std::size_t bytes) override {
    std::fill_n(static_cast<unsigned char*>(buffer), bytes, byte_);
  }

 private:
  unsigned char byte_;
};

std::vector<int> Pauses(unsigned char chance) {
  FixedRandom random(chance);
  Backoff backoff(Millis{200}, Millis{1000}, random);
  std::vector<int> pauses;
  for (int i = 0; i < 5; ++i) pauses.push_back(static_cast<int>(backoff.Next().count()));
  backoff.Reset();
  pauses.push_back(static_cast<int>(backoff.Next().count()));
  return pauses;
}

TEST(BackoffTest, Backoff_EachFailure_DoublesThePauseOfWhichHalfIsByChance) {
  EXPECT_EQ(Pauses(0), (std::vector<int>{100, 200, 400, 500, 500, 100}));
  EXPECT_EQ(Pauses(0xff), (std::vector<int>{200, 400, 800, 1000, 1000, 200}));
}

}  // namespace
}  // namespace prov::net
