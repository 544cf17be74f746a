#pragma once

#include <sys/types.h>

#include <vector>

#include "instainfer/base/result.hpp"

namespace instainfer::container {

/// Living descendants of a process, itself not among them. The manager adopts orphans of its workers (it is a
/// subreaper), so while it lives no descendant escapes from its tree.
std::vector<pid_t> living_descendants(pid_t root);

/// Stops (SIGSTOP) the process and its descendants until the tree holds still, or lets them run on (SIGCONT).
Result<void> stop_tree(pid_t root);
void continue_tree(pid_t root);
/// Kills descendants first, so that none is lost when the process itself goes. An error names one that stays.
Result<void> kill_tree(pid_t root);

}  // namespace instainfer::container
