#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "instainfer/base/result.hpp"

namespace instainfer::container {

/// How the machine's cgroups are mounted, read from a mountinfo table.
struct CgroupLayout {
  enum class Version { none, v1, v2 } version = Version::none;
  bool hybrid = false;                       ///< v1 controllers and a v2 tree without any
  std::filesystem::path memory, freezer, cpu;  ///< mount points of the v1 controllers, or of the v2 tree
  std::vector<std::filesystem::path> roots;  ///< every cgroup mount

  /// "cgroup v1", "cgroup v1 (hybrid)", "cgroup v2", "no cgroups".
  [[nodiscard]] std::string describe() const;
};
/// `mountinfo`: content of /proc/self/mountinfo (proc(5)).
CgroupLayout parse_cgroup_layout(std::string_view mountinfo);
CgroupLayout find_cgroup_layout();

/// The number of processes that the kernel killed for memory, from memory.oom_control (v1) or memory.events (v2).
std::int64_t parse_oom_kills(std::string_view text);

/// The cgroups of one container, one in each hierarchy, at the same path below the mount points. Owns nothing: the
/// container runtime makes them; remove() takes away what it left.
class Cgroup {
 public:
  Cgroup(const CgroupLayout& layout, std::string path) : layout_(&layout), path_(std::move(path)) {}

  /// Returns when the kernel reports the new state, within milliseconds; an error if it does not within a second.
  [[nodiscard]] Result<void> freeze() const;
  [[nodiscard]] Result<void> thaw() const;
  /// Relative weight in v1's shares (1024 is one full share); converted for v2.
  [[nodiscard]] Result<void> set_cpu_shares(int shares) const;
  [[nodiscard]] std::int64_t oom_kills() const;
  /// All processes in the cgroup of the freezer (v2: the only one), those of nested cgroups included.
  [[nodiscard]] std::vector<pid_t> processes() const;
  /// Kills every process in it and waits at most a second until none is left.
  [[nodiscard]] Result<void> kill_all() const;
  /// Removes the directories in all hierarchies, nested ones first; an error names one that stayed.
  [[nodiscard]] Result<void> remove() const;
  /// The same for a parent of cgroups, without waiting: stays where somebody is still in it.
  void remove_if_empty() const;
  [[nodiscard]] bool exists() const;

 private:
  [[nodiscard]] Result<void> set_frozen(bool frozen) const;
  [[nodiscard]] std::filesystem::path freezer() const { return layout_->freezer / path_; }

  const CgroupLayout* layout_;
  std::string path_;
};

}  // namespace instainfer::container
