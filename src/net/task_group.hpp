// Coroutines that can be cancelled and waited for. Nothing in the project is spawned outside one.
//
// Single-threaded: every call is made on the thread that runs the executor. A task that ends with
// an exception is reported to the failure hook; cancellation is not a failure. The group may be
// destroyed only when it is empty, or when the io_context will run no more.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace prov::net {

class TaskGroup {
 public:
  using Id = std::uint64_t;  // 0 is no task
  using OnFailure = std::function<void(std::exception_ptr)>;

  explicit TaskGroup(boost::asio::any_io_executor executor, OnFailure on_failure = {});
  TaskGroup(const TaskGroup&) = delete;
  ~TaskGroup();

  // Starts `task` with the next turn of the executor; 0 when the group is closed, and the task is
  // then dropped without having run.
  Id Spawn(boost::asio::awaitable<void> task);
  // Asks one task, or all, to stop: what it awaits ends with operation_aborted.
  void Cancel(Id id);
  // Takes no more tasks.
  void Close();
  void CancelAll();
  // Ends when no task is left.
  boost::asio::awaitable<void> Wait();
  std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace prov::net
