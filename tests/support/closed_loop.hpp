#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "instainfer/core/node.hpp"

namespace instainfer::testing {

/// Patterns of calls (policies.md 12.2), by the coefficient of variation of their gaps.
enum class ArrivalClass { predictable, normal, bursty };
std::string to_string(ArrivalClass arrivals);

/// A function of the workload: its nature (policies.md, section 1) and how often it is called.
struct LoopFunction {
  core::FunctionId id;
  core::NamespaceId ns;
  Duration load{};
  Bytes bytes;
  Duration mean_gap{};
};

struct LoopCall {
  TimePoint at;
  core::FunctionId function;
};

struct Workload {
  std::vector<LoopFunction> functions;
  std::vector<LoopCall> calls;  ///< in order of time
  Duration length{};
  Duration create = std::chrono::milliseconds(1430);  ///< time to make a container
};

/// The paper's eight models in three namespaces: two with all of them, a small one with two. Mean gaps are log-uniform
/// between 6 s and 10 min. One random stream per function, so a function more never changes another's calls.
Workload make_workload(std::uint64_t seed, ArrivalClass arrivals, Duration length);

struct LoopResult {
  std::uint64_t calls = 0;
  std::uint64_t answered = 0;
  double containers_created = 0;
  double container_seconds = 0;
  double loading_seconds = 0;  ///< from receipt to the hand-over to a ready worker, less the wait for memory; all calls
  double wait_seconds = 0;
  std::map<core::NamespaceId, double> mean_loading;  ///< seconds
  core::Counters counters;
};

/// Runs the workload through a node with a virtual clock: commands become events after the times of the cost model
/// (policies.md 12.1: creating 1.43 s, loading as in the table, switch 8 ms, execution 245 ms; no contention for
/// cores).
LoopResult run_closed_loop(const core::NodeSettings& settings, const Workload& workload);

}  // namespace instainfer::testing
