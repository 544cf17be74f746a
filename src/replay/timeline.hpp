#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "instainfer/base/result.hpp"

namespace instainfer::replay {

/// One thing that one container held at one moment, as `GET /status` of the admin port told. A container that holds
/// nothing gives one row without a function; the node's memory gives a row of container "node".
struct TimelineRow {
  double time_s = 0;  ///< since the start of the replay
  std::string container;
  std::string kind;
  std::string container_state;
  std::string function;  ///< empty: nothing held
  std::string state;     ///< of the held function: "own", "loading", "ready"
  std::string level;
  double bytes = 0;  ///< of the held function; of node: granted
  double container_used_bytes = 0;
  double container_limit_bytes = 0;

  bool operator==(const TimelineRow&) const = default;
};

/// What the node has used since it started; the difference of two is what a replay used.
struct NodeUsage {
  double containers_created = 0;
  double container_seconds = 0;
  double wasted_byte_seconds = 0;
  double peak_bytes = 0;
};

/// Members that are missing or of another type read as zero or empty: a timeline never stops a replay.
std::vector<TimelineRow> timeline_rows(const nlohmann::json& status, double time_s);
/// Errors: invalid_argument naming the missing member; a summary must not be computed from guesses.
Result<NodeUsage> node_usage(const nlohmann::json& status);

std::string timeline_csv(const std::vector<TimelineRow>& rows);
Result<std::vector<TimelineRow>> parse_timeline(std::string_view csv, std::string name);

}  // namespace instainfer::replay
