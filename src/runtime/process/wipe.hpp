#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "instainfer/base/result.hpp"
#include "instainfer/base/time.hpp"

namespace instainfer::runtime {

/// Longer than this and the container is not clean (design.md, 5).
inline constexpr Duration kWipeLimit = std::chrono::seconds(1);

/// A user that a worker ran under, and the directory that was its own.
struct WipeTarget {
  std::uint32_t uid = 0;
  std::string directory;
};

/// Forks a helper which kills every process of these users, waits until the last of them has ended and deletes what
/// they left: files in their directories, /tmp, /var/tmp and /dev/shm, System V shared memory, semaphores and queues.
/// Answers its pid; it exits with 0 when all is gone. The users cannot signal or trace it.
Result<pid_t> start_wipe(const std::vector<WipeTarget>& targets);

/// Deletes a directory tree without following links; true if nothing is left.
bool remove_tree(const std::string& directory);

}  // namespace instainfer::runtime
