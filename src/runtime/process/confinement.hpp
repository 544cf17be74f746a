#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "instainfer/base/result.hpp"

namespace instainfer::runtime {

/// What a worker may be and do once its user code runs.
struct Confinement {
  std::uint32_t uid = 0;  ///< user and group; 0: stay who we are
  std::string directory;  ///< its own, already there; becomes the working directory
};

/// Descriptors a worker keeps: `standard_output` and `standard_error` become 1 and 2, `kept` become 3, 4, ... in their
/// order; 0 is /dev/null and everything else is closed.
struct WorkerDescriptors {
  int standard_output = -1;
  int standard_error = -1;
  std::vector<int> kept;
};

/// For the child of a fork, first: puts the descriptors in place and closes all others.
Result<void> arrange_descriptors(const WorkerDescriptors& descriptors);

/// For the child of a fork, second and for good: own session, user, directory, limits, no capabilities, no new
/// privileges, system call filter, killed with its parent `parent`. Every failure is an error: a worker that cannot be
/// confined must not run.
Result<void> confine(const Confinement& confinement, int parent);

/// Makes the C library ask for huge pages: a process with a large model is loaded, and after a kill is gone, in less
/// time.
inline constexpr const char* kHugePages = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";

/// The environment every worker starts with; nothing of ours is in it.
std::vector<std::string> worker_environment(const std::string& directory, int threads);

/// True if this process may take on other users' ids, so that workers can be kept apart.
bool can_switch_users();

}  // namespace instainfer::runtime
