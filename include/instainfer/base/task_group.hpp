#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "instainfer/base/task.hpp"

namespace instainfer {

/// Owns background coroutines of one component, so that none outlives it: whoever stops the component waits here.
///
/// All calls from the executor's one thread. The destructor asserts that nothing runs any more.
class TaskGroup {
 public:
  /// `on_error` gets what a task threw: always a bug of ours, to be logged; the group goes on.
  TaskGroup(boost::asio::any_io_executor executor, std::function<void(const char* what)> on_error);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts the task; it runs until its first suspension only after the caller returned to the executor.
  void spawn(Task<void> task);
  [[nodiscard]] std::size_t size() const;
  /// Comes back once no task runs.
  Task<void> wait();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the completion handlers of running tasks
};

}  // namespace instainfer
