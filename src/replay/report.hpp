#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "summary.hpp"

namespace instainfer::replay {

/// One HTML page without outside references: figures, latency distribution, start-up types over time, what each
/// container held, memory; the runs of the summary's seed side by side.
std::string report_page(const std::vector<Run>& runs, const nlohmann::json& summary);

}  // namespace instainfer::replay
