#include "unit/core/plan_driver.hpp"

#include <cmath>
#include <limits>

namespace instainfer::core {

double SetRates::rate(FunctionId f, TimePoint) const {
  const auto it = rates.find(f);
  return it == rates.end() ? 0 : it->second;
}

double SetRates::probability(FunctionId f, TimePoint now, Duration w) const {
  return probability_of_copies(f, now, w, 1, Duration::zero(), 0);
}

double SetRates::probability_of_copies(FunctionId f, TimePoint now, Duration w, int k, Duration hold,
                                       int in_service) const {
  const double lambda = rate(f, now);
  if (k <= in_service) return 1;
  if (!(lambda > 0) || w <= Duration::zero()) return 0;
  double total = 0;
  double up = 1 / lambda;
  for (int j = 0; j < k; ++j) {
    if (j > 0) up = 1 / lambda + j / (lambda * seconds(hold)) * up;
    if (j >= in_service) total += up;
  }
  return -std::expm1(-seconds(w) / total);
}

std::optional<ArrivalModel::Window> SetRates::window(FunctionId f, TimePoint) const {
  const auto it = windows.find(f);
  return it == windows.end() ? Window{TimePoint::min(), TimePoint::max()} : it->second;
}

FunctionFacts some_function(std::uint32_t id, Bytes bytes, Duration load_time) {
  return {.id = {id},
          .ns = {1},
          .kind = {1},
          .memory_limit = mebibytes(256),
          .bytes = bytes,
          .load_time = load_time,
          .execution = std::chrono::milliseconds(245),
          .measured = true};
}

BinFacts some_bin(std::uint32_t id, Bytes room, TimePoint now) {
  return {.id = {id},
          .ns = {1},
          .kind = {1},
          .memory_limit = room,
          .room = room,
          .own = std::nullopt,
          .expected_end = now + std::chrono::minutes(10),
          .resume_cost = Duration::zero()};
}

namespace {

/// The worked examples fix one horizon H for everything.
PlannerSettings with_one_horizon(PlannerSettings settings) {
  settings.longest_life = settings.horizon;
  return settings;
}

}  // namespace

PlanDriver::PlanDriver(std::string_view planner, const PlannerSettings& settings)
    : planner_(std::move(*make_preload_planner(planner, with_one_horizon(settings), arrivals))) {
}

void PlanDriver::add_function(FunctionFacts facts, double per_second) {
  arrivals.rates[facts.id] = per_second;
  functions_[facts.id] = facts;
  sizes_[facts.id] = facts.bytes;
  planner_->on_function(facts, now);
}

void PlanDriver::add_paper_model(Paper model, double per_minute) {
  const PaperModel& m = kPaperModels[model];
  add_function(some_function(model, mebibytes(m.mib), std::chrono::milliseconds(m.load_ms)), per_minute / 60);
}

void PlanDriver::remove_function(FunctionId f) {
  functions_.erase(f);
  arrivals.remove(f);
  planner_->on_function_removed(f, now);
}

void PlanDriver::open(BinFacts bin) {
  bins_[bin.id] = bin;
  planner_->on_bin(bin, now);
}

void PlanDriver::open_bin(std::uint32_t id, Bytes room, std::optional<FunctionId> own) {
  BinFacts bin = some_bin(id, room, now);
  bin.own = own;
  open(bin);
}

void PlanDriver::close(ContainerId b) {
  bins_.erase(b);
  held_.erase(b);
  planner_->on_bin_closed(b, now);
}

void PlanDriver::arrive(FunctionId f, int in_service) {
  planner_->on_arrival(f, in_service, now);
}
void PlanDriver::warm(FunctionId f, int idle) {
  planner_->on_warm_copies(f, idle, now);
}

void PlanDriver::fail_load(ContainerId b, FunctionId f) {
  report(b, f, HeldState::none);
  planner_->on_load_failed(f, now);
}

HeldState PlanDriver::state(ContainerId b, FunctionId f) const {
  const auto bin = held_.find(b);
  if (bin == held_.end()) return HeldState::none;
  const auto it = bin->second.find(f);
  return it == bin->second.end() ? HeldState::none : it->second;
}

std::set<FunctionId> PlanDriver::held(ContainerId b) const {
  std::set<FunctionId> functions;
  const auto bin = held_.find(b);
  if (bin == held_.end()) return functions;
  for (const auto& [f, state] : bin->second) {
    if (state == HeldState::ready || state == HeldState::loading) functions.insert(f);
  }
  return functions;
}

double PlanDriver::value() const {
  double total = 0;
  for (const auto& [b, copies] : held_) {
    for (const auto& [f, state] : copies) total += planner_->value_held(b, f, now);
  }
  return total;
}

void PlanDriver::report(ContainerId b, FunctionId f, HeldState state) {
  if (state == HeldState::none) {
    held_[b].erase(f);
  } else {
    held_[b][f] = state;
  }
  planner_->on_held(b, f, state, now);
}

void PlanDriver::check_load(const Placement& p) const {
  const auto where = [&] {
    return "load of " + std::to_string(p.function.value) + " into " + std::to_string(p.bin.value);
  };
  ASSERT_TRUE(bins_.contains(p.bin)) << where() << ": no such bin";
  ASSERT_TRUE(functions_.contains(p.function)) << where() << ": no such function";
  const BinFacts& bin = bins_.at(p.bin);
  const FunctionFacts& f = functions_.at(p.function);
  EXPECT_EQ(bin.ns, f.ns) << where() << ": another namespace's container";
  EXPECT_EQ(bin.kind, f.kind) << where() << ": another kind";
  EXPECT_GE(bin.memory_limit, f.memory_limit) << where() << ": container below the function's limit";
  EXPECT_NE(bin.own, f.id) << where() << ": its own container";
  EXPECT_EQ(state(p.bin, p.function), HeldState::none) << where() << ": is there already";
  EXPECT_GT(bin.expected_end - now, f.load_time * 2 + bin.resume_cost) << where() << ": the container ends too soon";
  Bytes used = f.bytes;
  if (const auto held = held_.find(p.bin); held != held_.end()) {
    for (const auto& [other, state] : held->second) used += sizes_.at(other);
  }
  EXPECT_LE(used, bin.room) << where() << ": more than the room";
}

PlanSteps PlanDriver::step(int load_slots) {
  PlanSteps steps = planner_->decide(now, load_slots);
  EXPECT_LE(static_cast<int>(steps.loads.size()), load_slots) << "more loads than slots";
  for (const Placement& p : steps.offloads) {
    EXPECT_EQ(state(p.bin, p.function), HeldState::ready) << "offload of what is not ready";
    report(p.bin, p.function, HeldState::offloading);
  }
  for (const Placement& p : steps.loads) {
    check_load(p);
    report(p.bin, p.function, HeldState::loading);
  }
  return steps;
}

void PlanDriver::finish(const PlanSteps& steps) {
  for (const Placement& p : steps.offloads) report(p.bin, p.function, HeldState::none);
  for (const Placement& p : steps.loads) report(p.bin, p.function, HeldState::ready);
}

std::vector<Placement> PlanDriver::settle(int load_slots) {
  std::vector<Placement> loads;
  bool was_quiet = false;
  for (int round = 0; round < 1000; ++round) {
    const PlanSteps steps = step(load_slots);
    const bool quiet = steps.loads.empty() && steps.offloads.empty();
    // Twice: what one decide() found hopeless may find another place in the next.
    if (quiet && was_quiet) return loads;
    was_quiet = quiet;
    loads.insert(loads.end(), steps.loads.begin(), steps.loads.end());
    finish(steps);
  }
  ADD_FAILURE() << "the planner does not come to rest";
  return loads;
}

}  // namespace instainfer::core
