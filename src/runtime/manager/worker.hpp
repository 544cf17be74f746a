#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include <memory>
#include <optional>
#include <string>

#include "instainfer/base/result.hpp"
#include "instainfer/runtime/protocol.hpp"
#include "manager/event.hpp"
#include "manager/output.hpp"
#include "process/processes.hpp"

namespace instainfer::runtime {

/// The manager's ends of a new worker's channel and streams, and who it is.
struct SpawnedWorker {
  pid_t pid = 0;
  UniqueFd channel;
  UniqueFd standard_output;
  UniqueFd standard_error;
};

/// One line a worker answered: an HTTP status and JSON that nobody here looks into.
struct WorkerAnswer {
  int status = 0;
  std::string body;
};

/// One function's process as the manager knows it: its state, its channel and its output. One request at a time.
class Worker {
 public:
  Worker(const boost::asio::any_io_executor& executor, WorkerSpec spec, std::string directory, SpawnedWorker process);

  [[nodiscard]] const WorkerSpec& spec() const { return spec_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  WorkerState state = WorkerState::loading;
  MemoryGauge memory;               ///< private memory of its process tree
  std::optional<Error> load_error;  ///< why it will never be ready

  /// Sends one line and waits for the answer's; an error if the worker ends first.
  Task<Result<WorkerAnswer>> exchange(std::string line);

  /// Its process has ended, or is about to: whoever waits for it is told why.
  void end(std::string why);
  [[nodiscard]] bool ended() const { return !why_.empty(); }
  [[nodiscard]] const std::string& why() const { return why_; }
  /// The kernel has confirmed that the process is gone.
  void confirm_exit();
  [[nodiscard]] bool exit_confirmed() const { return exit_confirmed_; }

  /// Something of the above changed.
  Event& changed() { return changed_; }
  OutputPump& standard_output() { return *standard_output_; }
  OutputPump& standard_error() { return *standard_error_; }
  /// Coroutines to be started by the owner: they keep themselves alive.
  Task<void> pump_output() { return standard_output_->run(); }
  Task<void> pump_errors() { return standard_error_->run(); }

 private:
  Result<WorkerAnswer> parse(std::string_view line) const;
  Error death() const;

  WorkerSpec spec_;
  std::string directory_;
  pid_t pid_;
  std::string why_;
  bool exit_confirmed_ = false;
  boost::asio::local::stream_protocol::socket channel_;
  std::string unread_;
  std::shared_ptr<OutputPump> standard_output_;  ///< shared with its own coroutine
  std::shared_ptr<OutputPump> standard_error_;
  Event changed_;
};

}  // namespace instainfer::runtime
