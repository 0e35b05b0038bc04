#include "agent/executor/net_desk.hpp"

#include <sys/socket.h>

#include "agent/executor/executor_fixture_test.hpp"

namespace prov::agent {
namespace {

class NetDeskTest : public ExecutorTest {
 protected:
  static constexpr std::size_t kMost = std::size_t{64} << 10;

  void SetUp() override {
    ExecutorTest::SetUp();
    net_ = std::make_unique<NetProcess>(
        Hello{"{}", "key"},
        [this](int socket) -> Result<pid_t> {
          theirs_ = UniqueFd(dup(socket));
          return 0;
        },
        clock_, log_);
    desk_ = std::make_unique<NetDesk>(*executor_, *net_, kMost);
    net_->EnsureRunning();
  }
  // What the event loop does, with a socket that is always ready.
  void Turn() {
    net_->Flush();
    if (desk_->WantsToRead()) desk_->Take();
    Step();
    desk_->Answer();
  }
  std::size_t ReadAll() {
    std::size_t all = 0;
    std::string buffer(1 << 16, '\0');
    for (ssize_t got; (got = recv(theirs_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
      all += static_cast<std::size_t>(got);
    return all;
  }

  UniqueFd theirs_;
  std::unique_ptr<NetProcess> net_;
  std::unique_ptr<NetDesk> desk_;
};

// A rooted net role that hands in parcels and reads no answer: each answer stayed in memory.
TEST_F(NetDeskTest, NetRoleThatDoesNotRead_IsNotReadEither) {
  std::string flood;
  for (std::uint64_t i = 1; i <= 4000; ++i) AppendFrame(flood, TakeParcel{i, ""});
  const auto most = kMost + 2 * flood.size();
  std::size_t sent = 0;
  std::size_t at = 0;
  while (desk_->WantsToRead()) {
    ASSERT_LT(sent, 64 * kMost) << "it takes without end";
    const auto got = send(theirs_.get(), flood.data() + at, flood.size() - at, MSG_DONTWAIT);
    if (got > 0) {
      sent += static_cast<std::size_t>(got);
      at = (at + static_cast<std::size_t>(got)) % flood.size();
    }
    Turn();
  }
  EXPECT_LT(net_->unsent(), most);
  for (int i = 0; i < 10; ++i) Turn();
  EXPECT_LT(net_->unsent(), most);
  // Once it reads it is read again.
  while (ReadAll() > 0) net_->Flush();
  EXPECT_TRUE(desk_->WantsToRead());
}

}  // namespace
}  // namespace prov::agent
