#pragma once

#include <cstdint>
#include <filesystem>

#include "instainfer/base/result.hpp"

namespace instainfer::container {

/// A range of uids that only workers of this node run under.
struct UidRange {
  std::uint32_t first = 0, count = 0;
  [[nodiscard]] bool contains(std::uint32_t uid) const { return uid >= first && uid - first < count; }
};

/// Kills every process outside of containers that runs under a uid of the range and has no living manager above it,
/// until none is left (at most two seconds). Answers how many were there. Workers of another daemon that lives are left
/// alone.
Result<int> kill_orphans_of(UidRange range);
/// Removes what such processes left where everybody may write: /tmp, /var/tmp, /dev/shm, message queues, System V IPC.
void remove_files_of(UidRange range);

}  // namespace instainfer::container
