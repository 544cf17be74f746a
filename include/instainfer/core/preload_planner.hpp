#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "instainfer/base/result.hpp"
#include "instainfer/core/arrival_model.hpp"
#include "instainfer/core/plan.hpp"

namespace instainfer::core {

/// Decides which functions are loaded into which idle containers and when they are dropped. It sees bins, never the
/// decision to create, keep or remove a container (rule 4), and only containers that may legally hold something.
///
/// The node core tells it every change of the world (on_*), then asks decide() once per event. It keeps its own indices, so
/// that decide() is O(log n) after one change; longer work is offered through problem()/adopt(). It compares its target with
/// the *reported* state (on_held), so a step that got lost is simply decided again.
/// Implementations: `none`, `priority` (design.md 4), `knapsack` (policies.md 6).
class PreloadPlanner {
 public:
  virtual ~PreloadPlanner() = default;

  virtual void on_function(const FunctionFacts& facts, TimePoint now) = 0;  ///< new, or its facts changed
  virtual void on_function_removed(FunctionId f, TimePoint now) = 0;
  /// The ArrivalModel has just been told; `in_service` counts running activations of f without this one.
  virtual void on_arrival(FunctionId f, int in_service, TimePoint now) = 0;
  virtual void on_bin(const BinFacts& bin, TimePoint now) = 0;  ///< opened, or its room, owner or end changed
  /// Busy, removed or otherwise no bin any more. What it held is forgotten; it comes back with on_bin + on_held.
  virtual void on_bin_closed(ContainerId bin, TimePoint now) = 0;
  virtual void on_held(ContainerId bin, FunctionId f, HeldState state, TimePoint now) = 0;
  /// A load failed: back off 1, 2, 4 ... 60 s; after 6 failures in a row never again for this function's code.
  virtual void on_load_failed(FunctionId f, TimePoint now) = 0;
  /// Idle containers that are warm for f: these are its first copies and cost nothing.
  virtual void on_warm_copies(FunctionId f, int idle_warm, TimePoint now) = 0;

  /// What to begin now, at most `load_slots` loads. Never more than a bin's room, counting what is loading or still
  /// offloading there.
  virtual PlanSteps decide(TimePoint now, int load_slots) = 0;
  /// The earliest time at which decide() could say something else though nothing was reported.
  [[nodiscard]] virtual std::optional<TimePoint> wake(TimePoint now) const = 0;

  /// A full plan is due: the problem to solve; none if nothing changed enough. The caller answers with adopt().
  virtual std::optional<PlanProblem> problem(TimePoint now) = 0;
  /// Takes over what of the plan still fits today's state.
  virtual void adopt(const Plan& plan, TimePoint now) = 0;

  /// Seconds that would be lost if this copy were dropped now: "value destroyed" when a place is chosen. 0 if not held.
  [[nodiscard]] virtual double value_held(ContainerId bin, FunctionId f, TimePoint now) const = 0;
  /// E(f) and its factors, and why f is or is not loaded.
  [[nodiscard]] virtual Explanation explain(FunctionId f, TimePoint now) const = 0;
  /// Heap and tree steps since construction; tests hold that handle() needs O(log n) of them.
  [[nodiscard]] virtual std::uint64_t steps() const = 0;
};

struct PlannerSettings {
  Duration horizon = std::chrono::seconds(60);         ///< w of P_arrive(w) for `priority`
  Duration longest_life = std::chrono::minutes(10);    ///< `knapsack` looks ahead to a bin's end, at most this far
  double kappa = 0.2;                                  ///< price of a CPU-second of loading, in saved seconds
  double eta = 0.3;                                    ///< a newcomer must beat its victims by this share
  Bytes cell{16 * 1024 * 1024};                        ///< size unit of the exact knapsack
  Duration full_plan_interval = std::chrono::seconds(60);
  std::uint32_t search_budget = 2000;
  int max_copies = 8;                                  ///< of one function, preloaded
};

/// By configuration name; `arrivals` must outlive the planner. An unknown name is an error that lists the known ones.
Result<std::unique_ptr<PreloadPlanner>> make_preload_planner(std::string_view name, const PlannerSettings& settings,
                                                             const ArrivalModel& arrivals);

}  // namespace instainfer::core
