#pragma once

#include <set>
#include <tuple>

#include "instainfer/core/preload_planner.hpp"
#include "planner/packing_rules.hpp"
#include "planner/world.hpp"

namespace instainfer::core {

/// Packs functions into bins incrementally: events only mark what they touch, decide() re-values those functions,
/// places what lost its place or gained worth, fills bins with new room, and reports the difference between what is
/// wanted and what was reported. `priority` and `knapsack` are this class with different rules.
///
/// A function takes part while its arrival window is open (loads from load_at, leaves at offload_at), it is not backing
/// off and more copies are worth something. Values of functions that stay silent are refreshed in growing steps, so
/// they lag behind by at most a quarter of the silence.
class Packer final : public PreloadPlanner {
 public:
  Packer(const PackingRules& rules, const PlannerSettings& settings, const ArrivalModel& arrivals)
      : rules_(rules), settings_(settings), arrivals_(arrivals), world_(settings.cell) {}

  void on_function(const FunctionFacts& facts, TimePoint now) override;
  void on_function_removed(FunctionId f, TimePoint now) override;
  void on_arrival(FunctionId f, int in_service, TimePoint now) override;
  void on_bin(const BinFacts& bin, TimePoint now) override;
  void on_bin_closed(ContainerId bin, TimePoint now) override;
  void on_held(ContainerId bin, FunctionId f, HeldState state, TimePoint now) override;
  void on_load_failed(FunctionId f, TimePoint now) override;
  void on_warm_copies(FunctionId f, int idle_warm, TimePoint now) override;
  PlanSteps decide(TimePoint now, int load_slots) override;
  std::optional<TimePoint> wake(TimePoint now) const override;
  std::optional<PlanProblem> problem(TimePoint now) override;
  void adopt(const Plan& plan, TimePoint now) override;
  double value_held(ContainerId bin, FunctionId f, TimePoint now) const override;
  Explanation explain(FunctionId f, TimePoint now) const override;
  std::uint64_t steps() const override { return world_.steps(); }

 private:
  /// Seconds; a copy that saves less than this on average is not worth a load.
  static constexpr double kLeastGain = 1e-3;
  /// After so many failed loads in a row a function's code is not loaded again.
  static constexpr int kMaxFailures = 6;

  enum class Gate { early, open, late };

  // Values (packer_value.cpp).
  [[nodiscard]] static Duration life_of(const BinState& bin, TimePoint now);
  [[nodiscard]] Gate gate(const FunctionState& f, TimePoint now) const;
  [[nodiscard]] double need(const FunctionState& f, int copies, Duration within, TimePoint now) const;
  [[nodiscard]] double fresh_value(const FunctionState& f, int copies, Duration life, TimePoint now) const;
  [[nodiscard]] double held_value(const FunctionState& f, int copies, Duration life, TimePoint now) const;
  [[nodiscard]] bool displaces(double gain, double loss) const;
  [[nodiscard]] Duration residency(const FunctionState& f) const { return f.facts.load_time * rules_.residency; }
  [[nodiscard]] bool is_pinned(const Copy& copy, TimePoint now) const;
  [[nodiscard]] bool has_legal_bin(const FunctionState& f) const;
  [[nodiscard]] bool may_hold(const BinState& bin, const FunctionState& f) const;
  [[nodiscard]] bool worth_loading(const BinState& bin, const FunctionState& f, TimePoint now) const;
  [[nodiscard]] bool accepts(const BinState& bin, const FunctionState& f, TimePoint now) const;
  void revalue(FunctionState& f, TimePoint now);
  void set_timer(FunctionState& f, TimePoint now);
  void set_loss(BinState& bin, FunctionId f, double loss);

  // Placing (packer_place.cpp).
  struct Eviction {
    BinState* bin = nullptr;
    double loss = 0;
    std::vector<FunctionId> victims;
  };
  void work(TimePoint now);
  bool try_place(FunctionState& f, TimePoint now);
  [[nodiscard]] BinState* find_room(const FunctionState& f, TimePoint now);
  [[nodiscard]] double churn(const BinState& bin, const FunctionState& f) const;
  [[nodiscard]] std::optional<Eviction> find_eviction(const FunctionState& f, TimePoint now);
  [[nodiscard]] std::optional<Eviction> cheapest_victims(BinState& bin, Bytes needed, TimePoint now) const;
  void evict(BinState& bin, const std::vector<FunctionId>& victims, TimePoint now);
  void evict_and_place(const Eviction& eviction, FunctionState& f, TimePoint now);
  void place(BinState& bin, FunctionState& f, TimePoint now);
  void unplace(BinState& bin, FunctionId f, TimePoint now);
  void doom(BinState& bin, FunctionId f, TimePoint now);
  void shed(BinState& bin, TimePoint now);

  // Filling a bin that opened or got room (packer_fill.cpp).
  void fill(BinState& bin, TimePoint now);
  void fill_greedily(BinState& bin, TimePoint now);
  void fill_exactly(BinState& bin, TimePoint now);
  [[nodiscard]] FunctionState* best_that_fits(const BinState& bin, TimePoint now);
  [[nodiscard]] std::vector<FunctionState*> best_of_each_size(const BinState& bin, int cells, TimePoint now);

  // Full plans (packer_plan.cpp).
  [[nodiscard]] std::optional<TimePoint> full_plan_due() const;
  struct Change {
    std::vector<Placement> evictions;
    std::vector<Placement> additions;
  };
  [[nodiscard]] ProblemFunction describe(const FunctionState& f, std::size_t bins, TimePoint now) const;
  void describe_group(const Group& group, PlanProblem& problem, TimePoint now) const;
  [[nodiscard]] double change_of_value(const FunctionState& f, int fewer_held, int fewer_queued, int more,
                                       TimePoint now) const;
  [[nodiscard]] bool is_worth(const Change& change, TimePoint now) const;

  // Loads in order (packer_decide.cpp).
  struct Load {
    double urgency;  ///< negative, so that the most urgent comes first
    ContainerId bin;
    FunctionId function;
    auto operator<=>(const Load&) const = default;
  };
  void run_timers(TimePoint now);
  void fill_opened(TimePoint now);
  [[nodiscard]] PlanSteps difference(TimePoint now, int load_slots);
  static void make_room(const BinState& bin, Bytes lacking, PlanSteps& steps);
  void touch(FunctionId f) { touched_.insert(f); }

  PackingRules rules_;
  PlannerSettings settings_;
  const ArrivalModel& arrivals_;
  World world_;
  std::set<FunctionId> touched_;                      ///< to be valued again
  std::set<ContainerId> opened_;                      ///< to be filled
  std::set<std::pair<double, FunctionId>> unplaced_;  ///< to be placed, by -gain
  std::set<Load> loads_;                              ///< wanted and not reported
  std::set<Placement, bool (*)(const Placement&, const Placement&)> doomed_{
      [](const Placement& a, const Placement& b) { return std::tie(a.bin, a.function) < std::tie(b.bin, b.function); }};
  std::set<std::pair<TimePoint, FunctionId>> gates_;      ///< when a gate or a back-off ends
  std::set<std::pair<TimePoint, FunctionId>> refreshes_;  ///< when a silent function's value is looked at again
  std::set<std::pair<TimePoint, ContainerId>> releases_;  ///< when a copy may be evicted
  std::optional<TimePoint> last_full_plan_;
  std::uint64_t changes_ = 0;          ///< events that could change a plan
  std::uint64_t planned_changes_ = 0;  ///< of those, seen by the last full plan
  std::uint64_t version_ = 0;
  std::set<ContainerId> covered_;  ///< bins of the problem that is being solved
};

}  // namespace instainfer::core
