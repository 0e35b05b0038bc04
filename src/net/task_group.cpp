#include "net/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/system/system_error.hpp>

#include "net/event.hpp"

namespace prov::net {

namespace asio = boost::asio;

namespace {

// `asked`: the task was told to stop.
bool IsCancellation(std::exception_ptr failure, bool asked) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (const asio::multiple_exceptions&) {
    // Coroutines joined by "&&" or "||" have all failed. It tells only the first operand's reason,
    // which may be that another one had a bug.
    return asked;
  } catch (...) {
    return false;
  }
}

}  // namespace

struct TaskGroup::State {
  State(asio::any_io_executor run_on, OnFailure hook)
      : executor(run_on), on_failure(std::move(hook)), changed(run_on) {}

  void Finished(Id id, std::exception_ptr failure) {
    const bool asked = tasks.extract(id).mapped().asked_to_stop;
    if (tasks.empty()) changed.Notify();
    if (failure && on_failure && !IsCancellation(failure, asked)) on_failure(failure);
  }

  asio::any_io_executor executor;
  OnFailure on_failure;
  Event changed;
  bool closed = false;
  Id last = 0;
  struct Task {
    std::shared_ptr<asio::cancellation_signal> signal;
    bool asked_to_stop = false;
  };
  std::map<Id, Task> tasks;
};

TaskGroup::TaskGroup(asio::any_io_executor executor, OnFailure on_failure)
    : state_(std::make_shared<State>(executor, std::move(on_failure))) {}

TaskGroup::~TaskGroup() = default;

TaskGroup::Id TaskGroup::Spawn(asio::awaitable<void> task) {
  if (state_->closed) return 0;
  const Id id = ++state_->last;
  auto signal = std::make_shared<asio::cancellation_signal>();
  state_->tasks[id].signal = signal;
  // The handler keeps the signal, because the slot must outlive the task.
  asio::co_spawn(state_->executor, std::move(task),
                 asio::bind_cancellation_slot(
                     signal->slot(), [state = state_, signal, id](std::exception_ptr failure) {
                       state->Finished(id, failure);
                     }));
  return id;
}

void TaskGroup::Cancel(Id id) {
  const auto found = state_->tasks.find(id);
  if (found == state_->tasks.end()) return;
  found->second.asked_to_stop = true;
  // Asio hands a cancellation on through the executor, with a bare pointer into the signal: emitted
  // outside of it, it would arrive after a task that has ended meanwhile. And the task may end, and
  // erase itself, inside emit(). The signal is held until all of that is over.
  asio::dispatch(state_->executor, [signal = found->second.signal] {
    signal->emit(asio::cancellation_type::terminal);
  });
}

void TaskGroup::Close() { state_->closed = true; }

void TaskGroup::CancelAll() {
  std::vector<Id> ids;
  for (const auto& task : state_->tasks) ids.push_back(task.first);
  for (const Id id : ids) Cancel(id);
}

asio::awaitable<void> TaskGroup::Wait() {
  const auto state = state_;
  while (!state->tasks.empty()) co_await state->changed.Wait();
}

std::size_t TaskGroup::size() const { return state_->tasks.size(); }

}  // namespace prov::net
