#pragma once

#include "child_process.hpp"
#include "instainfer/base/task.hpp"

namespace instainfer::container {

/// Waits until the descriptor is readable; false if that took longer than `limit`. The descriptor stays the caller's.
Task<bool> wait_readable(int fd, Duration limit);

Task<void> sleep_for(Duration duration);

/// Runs a program to its end without blocking the executor; kills it after `limit`.
Task<Result<CommandResult>> run_command(std::vector<std::string> arguments, Duration limit);

/// As run_command, with the program's stdout and stderr given (they are closed here once it runs): for a runtime that
/// hands them on to a container it leaves behind. Its own messages are in `output`, read from `log_file` if it fails.
Task<Result<CommandResult>> run_command_with_output(std::vector<std::string> arguments, UniqueFd output,
                                                    UniqueFd errors, std::string log_file, Duration limit);

}  // namespace instainfer::container
