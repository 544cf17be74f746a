#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cgroup.hpp"
#include "child_process.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/container/container.hpp"
#include "oci_bundle.hpp"

namespace instainfer::container {

/// A container runtime of the OCI command line (runc, crun) with its own state directory.
struct OciRuntime {
  std::string program;          ///< absolute path
  std::string version;          ///< "runc 1.1.5"
  std::filesystem::path state;  ///< --root

  [[nodiscard]] std::vector<std::string> command(std::vector<std::string> arguments) const;
  [[nodiscard]] Task<Result<void>> remove(std::string id) const;
};

/// What all containers of one factory share. Its directories: `containers` (one folder each), `etc`, `oci` (the
/// runtime's state).
struct OciSetup {
  BackendSettings settings;
  OciRuntime runtime;
  CgroupLayout cgroups;
  std::string cgroup_parent;  ///< "/instainfer/<tag of the state directory>"

  [[nodiscard]] std::filesystem::path containers() const { return settings.state_directory / "containers"; }
  [[nodiscard]] std::filesystem::path etc() const { return settings.state_directory / "etc"; }
  /// Below the cgroup mounts, without the leading slash.
  [[nodiscard]] Cgroup cgroup_of(const std::string& name) const {
    return {cgroups, cgroup_parent.substr(1) + "/" + name};
  }
  /// Everything but rootfs, control, arguments and the container's own limits.
  [[nodiscard]] BundlePlan plan_for(const std::string& name) const;
};

/// Runs one container with /usr/bin/true to its end; the error is what the runtime said.
Result<void> try_container(const OciSetup& setup);

/// The absolute path of a program on the usual search path; empty if there is none.
std::string find_program(const std::string& name);
/// "runc 1.1.5" from the first line of `<program> --version`.
Result<std::string> find_version(const std::string& program);

/// Names one state directory on the machine: 12 hex digits.
std::string state_tag(const std::filesystem::path& state_directory);

}  // namespace instainfer::container
