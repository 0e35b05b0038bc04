#include "net/task_group.hpp"

#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
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

asio::awaitable<void> WaitOnce(Event& event) { co_await event.Wait(); }

// The cancellation is on its way through the executor when the task is already done.
TEST(TaskGroupTest, TaskGroup_TaskEndsBeforeItsCancellationArrives_IsForgotten) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event(io.get_executor());
  const auto id = group.Spawn(WaitOnce(event));
  io.poll();
  event.Notify();
  group.Cancel(id);
  io.restart();
  io.poll();
  EXPECT_EQ(group.size(), 0U);
}

// Ends where it is canceled, within the cancellation, as an operation of another library may.
asio::awaitable<void> EndsWithinItsCancellation(std::shared_ptr<void> at_end) {
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      [](auto handler) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        slot.assign([kept](asio::cancellation_type) {
          const auto mine = kept;  // this handler goes with the slot
          std::move (*mine)();
        });
      },
      asio::use_awaitable);
}

TEST(TaskGroupTest, TaskGroup_TasksEndWithinTheirCancellation_TheGroupMayGoWithTheLast) {
  asio::io_context io;
  auto group = std::make_unique<TaskGroup>(io.get_executor());
  const auto spawn = [&](TaskGroup& into, std::function<void()> at_end) {
    into.Spawn(
        EndsWithinItsCancellation(std::shared_ptr<void>(nullptr, [at_end](void*) { at_end(); })));
  };
  TaskGroup inner(io.get_executor());
  int ended = 0;
  spawn(inner, [&] { ++ended; });
  spawn(*group, [&] { inner.CancelAll(); });
  spawn(*group, [&] { group.reset(); });
  io.poll();
  asio::post(io, [&] { group->CancelAll(); });
  io.restart();
  io.poll();
  EXPECT_EQ(group, nullptr);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(inner.size(), 0U);
}

}  // namespace

}  // namespace prov::net
