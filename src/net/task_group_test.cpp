#include "net/task_group.hpp"

#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"

namespace prov::net {

namespace {

namespace asio = boost::asio;

asio::awaitable<void> WaitForever(int& ended) {
  struct Ended {
    int& count;
    ~Ended() { ++count; }
  } const at_end{ended};
  Event never(co_await asio::this_coro::executor);
  while (true) co_await never.Wait();
}

asio::awaitable<void> Throw() {
  throw std::runtime_error("a bug");
  co_return;
}

TEST(TaskGroupTest, TaskGroup_CancelAll_EndsEveryTaskAndIsNoFailure) {
  asio::io_context io;
  int ended = 0;
  int failures = 0;
  bool waited = false;
  TaskGroup group(io.get_executor(), [&](std::exception_ptr) { ++failures; });
  const auto first = group.Spawn(WaitForever(ended));
  group.Spawn(WaitForever(ended));
  io.poll();
  EXPECT_EQ(group.size(), 2U);
  group.Cancel(first);
  io.poll();
  EXPECT_EQ(ended, 1);
  asio::co_spawn(io, group.Wait(), [&](std::exception_ptr) { waited = true; });
  io.poll();
  EXPECT_FALSE(waited);
  group.Close();
  group.CancelAll();
  io.poll();
  EXPECT_TRUE(waited);
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(group.Spawn(WaitForever(ended)), 0U) << "closed";
}

asio::awaitable<void> Both(asio::awaitable<void> one, asio::awaitable<void> other) {
  using namespace asio::experimental::awaitable_operators;
  co_await (std::move(one) && std::move(other));
}

TEST(TaskGroupTest, TaskGroup_JoinedTasksAreCanceled_IsNoFailure) {
  asio::io_context io;
  int ended = 0;
  int failures = 0;
  TaskGroup group(io.get_executor(), [&](std::exception_ptr) { ++failures; });
  group.Spawn(Both(WaitForever(ended), WaitForever(ended)));
  io.poll();
  group.CancelAll();
  io.poll();
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(failures, 0);
  // One of them has a bug, and the other is canceled because of it.
  group.Spawn(Both(Throw(), WaitForever(ended)));
  group.Spawn(Both(WaitForever(ended), Throw()));
  io.restart();
  io.poll();
  EXPECT_EQ(ended, 4);
  EXPECT_EQ(failures, 2);
}

TEST(TaskGroupTest, TaskGroup_TaskThrows_IsReportedAndForgotten) {
  asio::io_context io;
  int failures = 0;
  TaskGroup group(io.get_executor(), [&](std::exception_ptr) { ++failures; });
  group.Spawn(Throw());
  io.poll();
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(group.size(), 0U);
}

}  // namespace

}  // namespace prov::net
