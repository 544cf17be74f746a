#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "invocation.hpp"
#include "reference.hpp"
#include "timeline.hpp"
#include "trace.hpp"
#include "transport.hpp"

namespace instainfer::replay {

/// A function of the trace with its request and reference read from their files.
struct ReplayFunction {
  std::string action;
  std::string model;
  std::string parameters = "{}";
  std::string parameters_file;  ///< empty: no parameters
  std::optional<Reference> reference;
};

struct ReplayOptions {
  enum class Via { rest, wsk };
  Api api;
  std::optional<Endpoint> admin;  ///< none: no timeline and no usage
  Via via = Via::rest;
  std::string wsk_program = "wsk";
  double speed = 1;  ///< 4: a minute of the trace takes 15 s
  Duration invocation_deadline = std::chrono::minutes(5);
};

/// How far a replay is; given to the progress callback.
struct Progress {
  std::size_t calls = 0;
  std::size_t sent = 0;
  std::size_t answered = 0;
  std::size_t failed = 0;
  double elapsed_s = 0;
  double remaining_s = 0;  ///< until the last call is sent
};

struct ReplayResult {
  std::vector<Invocation> invocations;  ///< in the order of the schedule
  std::vector<TimelineRow> timeline;
  std::optional<NodeUsage> usage;  ///< between the first call and the end; the peak as the node has it
  double duration_s = 0;
};

/// Calls each function at its time, whatever the earlier calls do (open loop), and returns when the trace is over and
/// the last answer is there. Blocks; runs an event loop of its own. Errors: unavailable if the admin port does not
/// answer.
Result<ReplayResult> replay(const Schedule& schedule, const std::vector<ReplayFunction>& functions,
                            const ReplayOptions& options, const std::function<void(const Progress&)>& on_progress);

}  // namespace instainfer::replay
