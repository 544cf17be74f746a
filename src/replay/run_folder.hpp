#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "summary.hpp"

namespace instainfer::replay {

/// Writes run.json, output.log and timeline.csv of one run, creating the folder.
Result<void> write_run(const std::filesystem::path& folder, const Run& run);

/// Reads them back. Errors: not_found, or invalid_argument with the file and line.
Result<Run> read_run(const std::filesystem::path& folder);

/// Writes summary.json and report.html over the runs, creating the folder; returns the summary.
Result<nlohmann::json> write_overview(const std::filesystem::path& folder, const std::vector<Run>& runs);

}  // namespace instainfer::replay
