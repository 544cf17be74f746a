#pragma once

#include <sys/types.h>

#include <boost/asio/signal_set.hpp>

#include <functional>
#include <string>
#include <unordered_map>

#include "instainfer/base/task.hpp"

namespace instainfer::runtime {

/// "exited with status 3" or "killed by signal 9", from a wait status.
std::string describe_exit(int wait_status);

/// Reaps every child of this process, orphans that were handed to us included, and tells who asked for a child by its
/// pid.
class Children {
 public:
  using OnExit = std::function<void(int wait_status)>;

  /// Adopts orphans of its children from now on, so that no descendant of a worker escapes.
  explicit Children(const boost::asio::any_io_executor& executor);

  /// Called once, from run(); register in the same turn of the loop as the fork.
  void watch(pid_t pid, OnExit on_exit) { watched_[pid] = std::move(on_exit); }
  /// For a watched process that is somebody else's child: the parent says that it ended.
  void report_exit(pid_t pid, int wait_status);
  /// Ends when the executor does.
  Task<void> run();

 private:
  void reap();

  boost::asio::signal_set signals_;
  std::unordered_map<pid_t, OnExit> watched_;
};

}  // namespace instainfer::runtime
