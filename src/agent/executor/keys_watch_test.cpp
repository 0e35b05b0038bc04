#include "agent/executor/keys_watch.hpp"

#include <poll.h>

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov::agent {
namespace {

TEST(KeysWatch, TellsOfReplacedKeysAndOfNothingElse) {
  const test::TemporaryDirectory directory;
  const exec::StatePaths state{directory.path()};
  auto watch = KeysWatch::Open(state);
  ASSERT_GE(watch.fd(), 0);
  pollfd polled{watch.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&polled, 1, 0), 0);
  ASSERT_TRUE(WriteFileAtomically(state.root / "epoch", "e", 0600));
  EXPECT_FALSE(watch.Changed());
  for (const char* file : {"keys", "sealing-key", "keys", "sealing-key"}) {
    ASSERT_TRUE(WriteFileAtomically(state.root / file, "k", 0600));
    EXPECT_EQ(poll(&polled, 1, 0), 1);
    EXPECT_TRUE(watch.Changed());
    EXPECT_FALSE(watch.Changed());
  }
}

}  // namespace
}  // namespace prov::agent
