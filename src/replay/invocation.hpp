#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "instainfer/base/result.hpp"

namespace instainfer::replay {

/// What became of one call: a line of output.log. Times are milliseconds; sends count from the start of the replay.
struct Invocation {
  std::string activation_id;
  std::string function;
  std::string model;
  double scheduled_ms = 0;
  double sent_ms = 0;
  double end_to_end_ms = 0;
  double wait_ms = 0;     ///< for memory, on the node (annotation memoryWaitTime)
  double init_ms = 0;     ///< OpenWhisk's initTime
  double loading_ms = 0;  ///< receipt by the node to the request handed to a ready worker, less wait_ms (loadTime)
  double run_ms = 0;
  std::string start_type;  ///< empty if there is no activation record
  std::string preload_level;
  std::string status;                    ///< "success", or OpenWhisk's status text, or "no answer"
  std::string error;                     ///< what the answer or the transport said; empty on success
  std::optional<bool> equals_reference;  ///< none: there is no reference
  std::optional<double> largest_difference;

  [[nodiscard]] bool succeeded() const { return status == "success"; }
  [[nodiscard]] bool has_record() const { return !start_type.empty(); }
};

/// Takes times, start-up type and status from an activation record (rest-api contract, 2.12). Records of an OpenWhisk
/// without our annotations have a start-up type of cold or warm by initTime and a loading time of waitTime + initTime.
Result<void> read_activation(const nlohmann::json& record, Invocation& invocation);

nlohmann::json to_json(const Invocation& invocation);
Result<Invocation> invocation_from_json(const nlohmann::json& line);

}  // namespace instainfer::replay
