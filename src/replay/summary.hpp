#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "invocation.hpp"
#include "statistics.hpp"
#include "timeline.hpp"

namespace instainfer::replay {

/// What a run was: the side of the comparison it belongs to.
struct RunLabel {
  std::string mode;     ///< "off" or "on", as far as preloading goes
  std::string planner;  ///< of mode "on"; empty: unknown
  long seed = 0;
  double speed = 1;
};

/// A finished replay, as its folder holds it.
struct Run {
  RunLabel label;
  std::vector<Invocation> invocations;
  std::vector<TimelineRow> timeline;
  std::optional<NodeUsage> usage;
  double duration_s = 0;
};

/// The figures of one run (proto/summary.schema.json, $defs/mode).
nlohmann::json summarise(const Run& run);

/// run.json of a run's folder: its label, duration and usage.
nlohmann::json run_to_json(const Run& run);
/// Fills label, duration and usage.
Result<Run> run_from_json(const nlohmann::json& document);

/// Starts that were neither warm nor preloaded; one that still waited for its preload counts.
std::size_t slow_starts(const Run& run);

/// summary.json: the modes of the median seed, per seed where there are several, and how on compares with off; for
/// several planners all of that under `planners` too, with the first planner's at the top. Errors: invalid_argument for
/// no runs, two runs of one mode and seed, or seeds that only one side has.
Result<nlohmann::json> summarise_all(const std::vector<Run>& runs);

}  // namespace instainfer::replay
