#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "instainfer/core/arrival_model.hpp"
#include "instainfer/core/preload_planner.hpp"

namespace instainfer::core {

/// The eight models of policies.md section 1: loading time and size when preloaded.
struct PaperModel {
  const char* name;
  int load_ms;
  int mib;
};
constexpr PaperModel kPaperModels[] = {{"R18", 210, 649},    {"R50", 486, 907},   {"R152", 1180, 1348},
                                       {"Alex", 671, 923},   {"VGG", 2410, 1648}, {"Inc", 2281, 957},
                                       {"Goog", 1351, 1027}, {"Bert", 2078, 1333}};
enum Paper : std::uint32_t { kR18, kR50, kR152, kAlex, kVgg, kInc, kGoog, kBert };

/// An arrival model whose rates the test sets: Poisson, gates always open unless told otherwise.
class SetRates final : public ArrivalModel {
 public:
  std::map<FunctionId, double> rates;
  std::map<FunctionId, Window> windows;

  void add(FunctionId f, TimePoint, const ProfileSnapshot*) override { rates.try_emplace(f, 0.0); }
  void remove(FunctionId f) override { rates.erase(f); }
  void arrived(FunctionId, TimePoint) override {}
  double rate(FunctionId f, TimePoint) const override;
  double probability(FunctionId f, TimePoint now, Duration w) const override;
  double probability_of_copies(FunctionId f, TimePoint now, Duration w, int k, Duration hold,
                               int in_service) const override;
  std::optional<Window> window(FunctionId f, TimePoint) const override;
  void save(FunctionId, TimePoint, ProfileSnapshot&) const override {}
};

/// Plays the node for a planner: keeps the world, carries the steps out and checks every rule of design.md section 4
/// that a planner could break. A broken rule is a test failure at once.
class PlanDriver {
 public:
  PlanDriver(std::string_view planner, const PlannerSettings& settings = {});

  SetRates arrivals;
  TimePoint now{std::chrono::hours(1)};

  void add_function(FunctionFacts facts, double per_second);
  void add_paper_model(Paper model, double per_minute);
  void remove_function(FunctionId f);
  void open(BinFacts bin);
  void open_bin(std::uint32_t id, Bytes room, std::optional<FunctionId> own = std::nullopt);
  void close(ContainerId b);
  void arrive(FunctionId f, int in_service = 0);
  void warm(FunctionId f, int idle);
  void fail_load(ContainerId b, FunctionId f);

  /// Asks once, checks the steps and reports them as begun.
  PlanSteps step(int load_slots = 1);
  /// Ends whatever was begun.
  void finish(const PlanSteps& steps);
  /// step() and finish() until there is nothing more to do.
  std::vector<Placement> settle(int load_slots = 1);
  void report(ContainerId b, FunctionId f, HeldState state);

  [[nodiscard]] std::set<FunctionId> held(ContainerId b) const;
  [[nodiscard]] PreloadPlanner& planner() { return *planner_; }
  [[nodiscard]] const std::map<ContainerId, BinFacts>& bins() const { return bins_; }
  [[nodiscard]] const std::map<FunctionId, FunctionFacts>& functions() const { return functions_; }
  [[nodiscard]] HeldState state(ContainerId b, FunctionId f) const;
  /// What is held or being loaded in all bins, valued by `value_held`.
  [[nodiscard]] double value() const;

 private:
  void check_load(const Placement& p) const;

  std::unique_ptr<PreloadPlanner> planner_;
  std::map<FunctionId, FunctionFacts> functions_;
  std::map<FunctionId, Bytes> sizes_;  ///< of what may still be held though the function is gone
  std::map<ContainerId, BinFacts> bins_;
  std::map<ContainerId, std::map<FunctionId, HeldState>> held_;
};

/// Facts of a function of namespace 1, kind 1, in a container of 256 MiB.
FunctionFacts some_function(std::uint32_t id, Bytes bytes, Duration load_time);
/// A running bin of namespace 1, kind 1, that lives for ten more minutes.
BinFacts some_bin(std::uint32_t id, Bytes room, TimePoint now);

}  // namespace instainfer::core
