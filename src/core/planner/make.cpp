#include <string>

#include "planner/packer.hpp"

namespace instainfer::core {

namespace {

/// Preloading switched off as a policy: knows nothing, wants nothing.
class NoPreloading final : public PreloadPlanner {
 public:
  void on_function(const FunctionFacts&, TimePoint) override {}
  void on_function_removed(FunctionId, TimePoint) override {}
  void on_arrival(FunctionId, int, TimePoint) override {}
  void on_bin(const BinFacts&, TimePoint) override {}
  void on_bin_closed(ContainerId, TimePoint) override {}
  void on_held(ContainerId, FunctionId, HeldState, TimePoint) override {}
  void on_load_failed(FunctionId, TimePoint) override {}
  void on_warm_copies(FunctionId, int, TimePoint) override {}
  PlanSteps decide(TimePoint, int) override { return {}; }
  std::optional<TimePoint> wake(TimePoint) const override { return std::nullopt; }
  std::optional<PlanProblem> problem(TimePoint) override { return std::nullopt; }
  void adopt(const Plan&, TimePoint) override {}
  double value_held(ContainerId, FunctionId, TimePoint) const override { return 0; }
  Explanation explain(FunctionId, TimePoint) const override { return {{"preloading_is_off", 1}}; }
  std::uint64_t steps() const override { return 0; }
};

Result<void> check(const PlannerSettings& s) {
  const auto wrong = [](std::string what) { return fail(ErrorCode::invalid_argument, "preload planner: " + what); };
  if (s.horizon <= Duration::zero()) return wrong("the horizon must be above 0");
  // Written so that a NaN is refused as well.
  if (!(s.kappa >= 0 && s.kappa < 1))
    return wrong("kappa must be at least 0 and below 1, not " + std::to_string(s.kappa));
  if (!(s.eta >= 0)) return wrong("eta must be at least 0, not " + std::to_string(s.eta));
  if (s.cell <= Bytes{}) return wrong("the cell of the knapsack must be above 0 bytes");
  if (s.full_plan_interval <= Duration::zero()) return wrong("the full plan's interval must be above 0");
  if (s.max_copies < 1) return wrong("max_copies must be at least 1, not " + std::to_string(s.max_copies));
  return {};
}

}  // namespace

Result<std::unique_ptr<PreloadPlanner>> make_preload_planner(std::string_view name, const PlannerSettings& settings,
                                                             const ArrivalModel& arrivals) {
  if (const auto good = check(settings); !good) return fail(good.error());
  if (name == "none") return std::make_unique<NoPreloading>();
  if (name == "priority") return std::make_unique<Packer>(priority_rules(), settings, arrivals);
  if (name == "knapsack") return std::make_unique<Packer>(knapsack_rules(settings), settings, arrivals);
  return fail(ErrorCode::invalid_argument,
              "unknown preload planner \"" + std::string(name) + "\"; known: none, priority, knapsack");
}

}  // namespace instainfer::core
