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

/// Those whose real user is `uid`, zombies left out; looks at as little as it can.
std::vector<pid_t> processes_of_user(std::uint32_t uid);

/// `root`, its descendants and everything in the session it leads; zombies left out.
std::vector<pid_t> process_tree(const std::vector<Process>& all, pid_t root);

/// Private_Clean + Private_Dirty of the process; what only statm tells (resident less shared) where smaps may not be
/// read.
Bytes private_memory(pid_t pid);

}  // namespace instainfer::runtime
