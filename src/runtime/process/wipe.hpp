#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "instainfer/base/result.hpp"
#include "instainfer/base/time.hpp"

namespace instainfer::runtime {

/// Longer than this and the container is not clean (design.md, 5).
inline constexpr Duration kWipeLimit = std::chrono::seconds(1);

/// Forks a helper of that user which kills every process of the user and deletes what the user left: files in
/// `directory`, /tmp, /var/tmp and /dev/shm, System V shared memory, semaphores and queues. Answers its pid; it exits
/// with 0 when all is gone. The user cannot signal or trace it.
Result<pid_t> start_wipe(std::uint32_t uid, const std::string& directory);

/// Deletes a directory tree without following links; true if nothing is left.
bool remove_tree(const std::string& directory);

}  // namespace instainfer::runtime
