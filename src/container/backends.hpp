#pragma once

#include <memory>
#include <string>

#include "instainfer/container/container.hpp"

namespace instainfer::container {

/// Tries runc and crun (or the one that is set) on this machine, each with a real container that runs /usr/bin/true.
/// The error says for each why it does not work. `reason` gets a sentence for the log: what was chosen and why the
/// others were not.
Result<std::unique_ptr<ContainerFactory>> make_oci_factory(const BackendSettings& settings, std::string& reason);

/// Containers that are only process groups. Always works; what it cannot protect is in its capabilities' warnings.
Result<std::unique_ptr<ContainerFactory>> make_process_factory(const BackendSettings& settings, std::string& reason);

/// Kills and removes what an earlier run's process backend left below this state directory; answers how many
/// containers.
Result<int> clean_up_process_containers(const BackendSettings& settings);

}  // namespace instainfer::container
