#include "base/service_manager.hpp"

#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>

#include <gtest/gtest.h>

#include "base/files.hpp"
#include "support/temporary_directory.hpp"

namespace prov {
namespace {

TEST(NotifyServiceManager, SendsOneDatagramToTheSocketNamed) {
  const test::TemporaryDirectory directory;
  const auto path = (directory.path() / "notify").string();
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  NotifyServiceManager("READY=1");
  unsetenv("NOTIFY_SOCKET");
  char buffer[64] = {};
  EXPECT_EQ(recv(socket.get(), buffer, sizeof buffer, MSG_DONTWAIT), 7);
  EXPECT_STREQ(buffer, "READY=1");
}

TEST(WatchdogInterval, IsHalfOfWhatTheServiceManagerWaits) {
  setenv("WATCHDOG_USEC", "10000000", 1);
  EXPECT_EQ(WatchdogInterval(), std::chrono::seconds(5));
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(WatchdogInterval().count(), 0);
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
  EXPECT_EQ(WatchdogInterval().count(), 0);
}

}  // namespace
}  // namespace prov
