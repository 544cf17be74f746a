#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace instainfer::replay {

/// The summary as text for a terminal: off and on side by side, for each planner.
std::string comparison_table(const nlohmann::json& summary);

/// True if every invocation of every run succeeded, and every result that has a reference equals it.
bool all_right(const nlohmann::json& summary);

}  // namespace instainfer::replay
