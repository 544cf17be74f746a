#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "instainfer/base/result.hpp"
#include "instainfer/base/time.hpp"
#include "instainfer/base/unique_fd.hpp"

namespace instainfer::container {

/// How a program is started. It gets no descriptor but these three and no environment but this one.
struct SpawnOptions {
  std::vector<std::string> arguments;    ///< the first one is the program's path
  std::vector<std::string> environment;  ///< NAME=value
  int output = -1;                       ///< becomes stdout; -1: /dev/null
  int errors = -1;                       ///< becomes stderr; -1: /dev/null
  bool die_with_parent = false;  ///< SIGKILL when the thread that spawned it ends; also makes it a session leader
  std::string seccomp_program;   ///< raw BPF, loaded with no_new_privs before the program starts; empty: none
};

/// A child of this process. Whoever owns it must see it end: the destructor kills and reaps what is still alive.
/// Not thread-safe. All places of the module that start a program use this one.
class ChildProcess {
 public:
  static Result<ChildProcess> spawn(const SpawnOptions& options);

  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess() { kill_and_reap(); }

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Readable as soon as the process has ended; never reused for another process.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// The wait status if it has ended; does not block.
  std::optional<int> try_reap();
  /// Blocks at most `limit`; none if it still runs then.
  std::optional<int> reap_within(Duration limit);
  void signal(int number) const;
  void kill_and_reap();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

/// "exited with status 3", "killed by signal 9".
std::string describe_wait_status(int status);

/// A pidfd of a process that need not be a child; an error if there is none of that id.
Result<UniqueFd> open_pidfd(pid_t pid);
/// Sends a signal through a pidfd; a process that has ended is no error.
void signal_pidfd(int pidfd, int number);
/// Blocks until the process has ended, at most `limit`; false if it is still there.
bool wait_pidfd(int pidfd, Duration limit);

/// Start time of a process in clock ticks since boot (field 22 of /proc/<pid>/stat): with the pid it names one process
/// for ever.
std::optional<unsigned long long> process_start_time(pid_t pid);

/// What a program printed and how it ended.
struct CommandResult {
  int status = 0;      ///< wait status
  std::string output;  ///< stdout and stderr together, at most 64 KiB
  [[nodiscard]] bool succeeded() const { return status == 0; }
};
/// Runs a program to its end and blocks meanwhile; kills it after `limit`. For start-up only, when nothing else waits.
Result<CommandResult> run_command_blocking(std::vector<std::string> arguments, Duration limit);

/// The environment of every helper program.
std::vector<std::string> plain_environment();

}  // namespace instainfer::container
