// How long the planners think: one event at 10,000 functions in 500 containers, a full plan at 1,000 x 100, and how the
// counted steps of an event grow with the number of functions.

#include <benchmark/benchmark.h>

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <set>

#include "instainfer/core/arrival_model.hpp"
#include "instainfer/core/preload_planner.hpp"

namespace instainfer::core {
namespace {

struct Model {
  int load_ms;
  int mib;
};
constexpr Model kModels[] = {{210, 649},   {486, 907},  {1180, 1348}, {671, 923},
                             {2410, 1648}, {2281, 957}, {1351, 1027}, {2078, 1333}};

/// A node in mid-life: functions called at very different rates, containers that take turns in being used.
class Node {
 public:
  Node(std::string_view planner, std::uint32_t functions, std::uint32_t bins, PlannerSettings settings = {})
      : arrivals_(std::move(*make_arrival_model("gamma-poisson", {}))),
        planner_(std::move(*make_preload_planner(planner, settings, *arrivals_))),
        functions_(functions),
        bins_(bins) {
    std::uniform_real_distribution<double> log_gap(std::log(1.0), std::log(3600.0));
    for (std::uint32_t f = 0; f < functions; ++f) add_function(f, std::exp(log_gap(random_)));
    for (std::uint32_t b = 0; b < bins; ++b) open({b});
    for (std::uint32_t n = 0; n < 20 * bins; ++n) {
      if (!settle_once()) break;
    }
  }

  /// One activation: somebody is called, a container is taken and what it held is lost, another one becomes idle.
  void event() {
    now_ += std::chrono::milliseconds(50);
    const FunctionId f{std::uniform_int_distribution<std::uint32_t>(0, functions_ - 1)(random_)};
    const ContainerId b{std::uniform_int_distribution<std::uint32_t>(0, bins_ - 1)(random_)};
    arrivals_->arrived(f, now_);
    planner_->on_arrival(f, 0, now_);
    planner_->on_bin_closed(b, now_);
    if (closed_) open(*closed_);
    closed_ = b;
    report(planner_->decide(now_, 1));
  }

  /// Ends the loads and offloads of the last answer; not part of what is measured.
  void finish() {
    for (const Placement& p : steps_.offloads) planner_->on_held(p.bin, p.function, HeldState::none, now_);
    for (const Placement& p : steps_.loads) planner_->on_held(p.bin, p.function, HeldState::ready, now_);
    steps_ = {};
  }

  std::optional<PlanProblem> problem() {
    planner_->problem(now_);
    now_ += std::chrono::minutes(2);
    return planner_->problem(now_);
  }
  [[nodiscard]] std::uint64_t steps() const { return planner_->steps(); }

 private:
  void add_function(std::uint32_t id, double gap_seconds) {
    const Model& m = kModels[id % 8];
    arrivals_->add({id}, now_ - std::chrono::hours(1), nullptr);
    const int calls = static_cast<int>(std::min(20.0, 3600 / gap_seconds));
    for (int i = calls; i > 0; --i) arrivals_->arrived({id}, now_ - from_seconds(gap_seconds * i));
    planner_->on_function({.id = {id},
                           .ns = {1},
                           .kind = {1},
                           .memory_limit = mebibytes(256),
                           .bytes = mebibytes(m.mib + static_cast<int>(id % 97)),
                           .load_time = std::chrono::milliseconds(m.load_ms),
                           .execution = std::chrono::milliseconds(245),
                           .measured = true},
                          now_);
  }

  void open(ContainerId b) {
    planner_->on_bin({.id = b,
                      .ns = {1},
                      .kind = {1},
                      .memory_limit = mebibytes(2048 + 512 * (b.value % 5)),
                      .room = mebibytes(2047 + 512 * (b.value % 5)),
                      .own = std::nullopt,
                      .expected_end = now_ + std::chrono::hours(1),
                      .resume_cost = {}},
                     now_);
  }

  void report(PlanSteps steps) {
    for (const Placement& p : steps.offloads) planner_->on_held(p.bin, p.function, HeldState::offloading, now_);
    for (const Placement& p : steps.loads) planner_->on_held(p.bin, p.function, HeldState::loading, now_);
    steps_ = std::move(steps);
  }

  bool settle_once() {
    report(planner_->decide(now_, 1000));
    const bool busy = !steps_.loads.empty() || !steps_.offloads.empty() || planner_->wake(now_) == now_;
    finish();
    return busy;
  }

  std::mt19937_64 random_{1};
  TimePoint now_{std::chrono::hours(100)};
  std::unique_ptr<ArrivalModel> arrivals_;
  std::unique_ptr<PreloadPlanner> planner_;
  std::uint32_t functions_;
  std::uint32_t bins_;
  std::optional<ContainerId> closed_;
  PlanSteps steps_;
};

/// CPU time of this thread: what the planner needs, not what other processes leave it.
double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// One event from its arrival to the steps; reports median, 99th percentile and counted steps.
void event(benchmark::State& state, const char* planner) {
  Node node(planner, static_cast<std::uint32_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1)));
  std::vector<double> micros;
  const std::uint64_t steps_before = node.steps();
  for (auto _ : state) {
    const double begin = thread_seconds();
    node.event();
    const double took = thread_seconds() - begin;
    state.SetIterationTime(took);
    micros.push_back(took * 1e6);
    node.finish();
  }
  std::ranges::sort(micros);
  state.counters["median_us"] = micros[micros.size() / 2];
  state.counters["p99_us"] = micros[micros.size() * 99 / 100];
  state.counters["steps_per_event"] =
      static_cast<double>(node.steps() - steps_before) / static_cast<double>(micros.size());
}

void full_plan(benchmark::State& state) {
  Node node("knapsack", static_cast<std::uint32_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1)));
  const auto problem = node.problem();
  if (!problem) return state.SkipWithError("no full plan was due");
  Plan plan;
  for (auto _ : state) benchmark::DoNotOptimize(plan = solve(*problem));
  state.counters["functions_in_problem"] = static_cast<double>(problem->functions.size());
  state.counters["share_of_upper_bound"] = plan.value / plan.upper_bound;
}

BENCHMARK_CAPTURE(event, priority, "priority")
    ->Args({100, 5})
    ->Args({1000, 50})
    ->Args({10000, 500})
    ->Iterations(3000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(event, knapsack, "knapsack")
    ->Args({100, 5})
    ->Args({1000, 50})
    ->Args({10000, 500})
    ->Iterations(3000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(full_plan)->Args({1000, 100})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace instainfer::core

BENCHMARK_MAIN();
