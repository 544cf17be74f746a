#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "instainfer/container/container.hpp"

namespace instainfer::container {

/// Where things are inside a container.
inline constexpr std::string_view kControlDirectory = "/run/instainfer";    ///< socket and token; 0700, root
inline constexpr std::string_view kWorkDirectory = "/run/instainfer/work";  ///< tmpfs: the workers' own directories
inline constexpr std::string_view kModelsParent =
    "/run/instainfer-models";  ///< 0700, root: workers get models from the manager
inline constexpr std::string_view kModelsDirectory = "/run/instainfer-models/repository";
inline constexpr std::string_view kProgramsDirectory = "/opt/instainfer/bin";

/// All that the configuration of one container depends on, so that making it is a pure function.
struct BundlePlan {
  std::filesystem::path rootfs;    ///< absolute
  std::filesystem::path control;   ///< host directory that becomes kControlDirectory
  std::filesystem::path etc;       ///< host directory that becomes /etc
  std::filesystem::path programs;  ///< host directory that becomes kProgramsDirectory; empty: none
  std::filesystem::path models;    ///< host directory that becomes kModelsDirectory; empty: none
  std::vector<std::filesystem::path> library_paths;
  std::vector<std::string> arguments;  ///< of the container's first process
  std::string cgroup_path;             ///< absolute, below the cgroup mounts
  Bytes memory_limit;
  Bytes tmp_size;
  int cpu_shares = 1024;
  int pids_limit = 1024;
  bool network = false;
  bool swap_accounting = false;  ///< the kernel can limit memory and swap together
  bool cgroup_namespace = true;  ///< the kernel has them
};

/// config.json of the OCI runtime specification 1.0.
nlohmann::json make_oci_config(const BundlePlan& plan);

/// The empty root file system: mount points, and the links (/bin, /lib, ...) that the host's own root has.
Result<void> make_rootfs(const std::filesystem::path& rootfs);
/// The little of /etc that programs need: names of users, the linker's cache, Debian's alternatives (the BLAS is one).
Result<void> make_etc(const std::filesystem::path& etc);

}  // namespace instainfer::container
