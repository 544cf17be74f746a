#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "instainfer/base/unique_fd.hpp"
#include "instainfer/container/container.hpp"
#include "log_reader.hpp"
#include "manager_client.hpp"

namespace instainfer::container {

/// Calls `on_exit` once when the process behind the pidfd ends, unless it was disarmed before.
class ExitWatch {
 public:
  ExitWatch(const boost::asio::any_io_executor& executor, int pidfd, std::function<void()> on_exit);
  ~ExitWatch() { disarm(); }
  void disarm();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the pending wait
};

/// The two ends that a container prints into, and the two that we read.
struct OutputPipes {
  UniqueFd read_output, write_output, read_errors, write_errors;
  static Result<OutputPipes> make();
};

/// A manager that was started and has not answered yet: what every backend has in its hands at that moment.
struct StartedManager {
  std::string name;
  std::filesystem::path socket;
  std::string token;
  UniqueFd pidfd;  ///< of the manager
  UniqueFd output, errors;
};

/// The part of a container that is the same for all backends: calls to the manager, output, and the watch over its end.
class ManagedContainer : public Container {
 public:
  ManagedContainer(const boost::asio::any_io_executor& executor, StartedManager manager);

  [[nodiscard]] const std::string& name() const override { return name_; }
  Task<Exchange> init(nlohmann::json body, Duration limit, Bytes max_body) override;
  Task<Exchange> run(nlohmann::json body, Duration limit, Bytes max_body) override;
  Task<Result<runtime::PreloadReport>> preload(runtime::PreloadRequest request, Duration limit) override;
  Task<Result<void>> offload(std::string function, Duration limit) override;
  Task<Result<runtime::StatusReport>> status() override;
  Task<CollectedLogs> collect_logs(Bytes limit, bool wait_for_sentinels) override;

  /// Until the manager answers /status; an error with its last words if it ends before or the limit passes.
  Task<Result<void>> wait_until_ready(Duration limit);
  /// From now on `on_exit` is called if the manager ends by itself.
  void watch(std::function<void()> on_exit);

 protected:
  /// Work that nobody waits for must not slow down work that somebody waits for: a container that only preloads gets the
  /// least CPU weight until it gets a request. Backends without weights ignore it.
  enum class CpuWeight { full, least };
  virtual void set_cpu_weight(CpuWeight) {}

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// No more calls, no more watching; the first step of every destroy().
  void detach();
  /// The last step: nothing is read any more. What was read can still be collected.
  void stop_reading() { logs_.stop(); }

 private:
  Task<Exchange> post(std::string target, nlohmann::json body, Duration limit, Bytes max_body,
                      ManagerClient::WhenRefused when_refused);

  void want_cpu_weight(CpuWeight weight);

  boost::asio::any_io_executor executor_;
  CpuWeight cpu_weight_ = CpuWeight::full;
  std::string name_;
  UniqueFd pidfd_;
  std::filesystem::path log_;  ///< the manager's own
  ManagerClient client_;
  LogReader logs_;
  std::unique_ptr<ExitWatch> exit_watch_;
};

/// The files of one container: <parent>/<name>, 0700, with a fresh token in `<control>/token` (0600).
struct ContainerFiles {
  std::filesystem::path directory, control;
  std::string token;
  static Result<ContainerFiles> make(const std::filesystem::path& parent, const std::string& name);
};

/// What went wrong first, and what the removal of the remains met if it did not succeed either.
Error with_remains(Error failure, const Result<void>& removed);

/// A name that can be a file's, a cgroup's and a runtime's id at once.
Result<void> check_container_name(const std::string& name);

/// The command line of the manager; directories as it sees them, `models` empty if there are none.
std::vector<std::string> manager_arguments(const std::filesystem::path& programs, const std::filesystem::path& control,
                                           runtime::WorkerType worker, const std::filesystem::path& models);

}  // namespace instainfer::container
