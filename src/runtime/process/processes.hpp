#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "instainfer/base/bytes.hpp"

namespace instainfer::runtime {

/// One row of the process table.
struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  bool zombie = false;
};

/// Every process this one can see.
std::vector<Process> list_processes();

/// Those whose effective user is one of these, zombies included: one whose first thread has ended may have others that
/// live.
std::vector<pid_t> processes_of_users(const std::vector<std::uint32_t>& users);

/// `root`, its descendants and everything in the session it leads; zombies left out.
std::vector<pid_t> process_tree(const std::vector<Process>& all, pid_t root);

/// Private_Clean + Private_Dirty of the process; what only statm tells (resident less shared) where smaps may not be
/// read.
Bytes private_memory(pid_t pid);

/// All that the process has in memory, shared pages included: an upper bound of private_memory() that costs microseconds, where
/// walking the page tables of a large model costs milliseconds.
Bytes resident_memory(pid_t pid);

/// Private memory of some processes, walked anew only when their resident memory moved by more than a measuring error.
class MemoryGauge {
 public:
  /// What was walked last; never walks. 0 before the first update().
  [[nodiscard]] Bytes value() const { return value_; }
  /// Looks at the resident memory and walks if it moved. Answers value().
  Bytes update(const std::vector<pid_t>& pids);
  /// The resident memory alone.
  static Bytes resident(const std::vector<pid_t>& pids);

 private:
  Bytes value_;
  Bytes resident_;
};

}  // namespace instainfer::runtime
