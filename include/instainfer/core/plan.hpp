#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// What a planner needs to know of a function (beside its arrivals, which the ArrivalModel has).
struct FunctionFacts {
  FunctionId id;
  NamespaceId ns;
  KindId kind;
  Bytes memory_limit;
  Bytes bytes;            ///< what loading it adds to a container: measured, else estimated
  Duration load_time{};   ///< what a hit saves: counterfactual start cost without the preload (policies.md 6.2)
  Duration execution{};   ///< mean holding time, for the value of the k-th copy (policies.md 3.8)
  bool measured = false;  ///< false: bytes and load_time are priors
};

/// What a planner needs to know of a bin: an idle (or paused) container that may hold preloads.
struct BinFacts {
  ContainerId id;
  NamespaceId ns;
  KindId kind;
  Bytes memory_limit;
  Bytes room;                       ///< for all preloads together: limit - max(measured use without them, own peak)
  std::optional<FunctionId> own;    ///< the function it is warm for; counts as that function's first copies
  TimePoint expected_end{};         ///< when the keep-alive policy will remove it
  Duration resume_cost{};           ///< 0 if it runs; a paused one must be resumed for a load
};

enum class HeldState : std::uint8_t { none, loading, ready, offloading };

struct Placement {
  ContainerId bin;
  FunctionId function;
  bool operator==(const Placement&) const = default;
};

/// What to do now, against the state that was reported (policies.md 2.1, rule 6). Offloads come first.
struct PlanSteps {
  std::vector<Placement> offloads;
  std::vector<Placement> loads;
};

/// One candidate copy of a function as a full plan sees it.
struct ProblemFunction {
  FunctionFacts facts;
  int warm_copies = 0;
  std::vector<double> value;      ///< value[j]: seconds saved by the (warm_copies + j + 1)-th copy if it is loaded anew
  std::vector<double> value_held; ///< the same for a copy that is already loaded (policies.md 6.2, q_old)
};
struct ProblemBin {
  BinFacts facts;
  Duration life{};                ///< until the keep-alive policy removes it; loads need more than twice their time of it
  std::vector<FunctionId> held;   ///< loaded or loading
  std::vector<FunctionId> pinned; ///< of those: loaded too recently to be evicted
};
/// A versioned copy of all that a full plan depends on; immutable, so that another thread may solve it.
struct PlanProblem {
  std::uint64_t version = 0;
  std::vector<ProblemFunction> functions;
  std::vector<ProblemBin> bins;
  Bytes cell{16 * 1024 * 1024};
  double eta = 0.3;
  std::uint32_t search_budget = 2000;  ///< single-bin re-solves of the local search; counted steps, never time
};
/// The target: which function each bin should hold.
struct Plan {
  std::uint64_t version = 0;
  std::vector<Placement> target;
  double value = 0;
  double upper_bound = 0;  ///< Dantzig bound per namespace: value <= optimum <= upper_bound
};

/// Full plan: successive exact knapsacks with local search (policies.md 6.4). Pure; may take tens of milliseconds.
Plan solve(const PlanProblem& problem);

}  // namespace instainfer::core
