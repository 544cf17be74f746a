// Full plans against an exhaustive search, and the properties that hold whatever the numbers are.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>

#include "unit/core/plan_driver.hpp"
#include "unit/core/plan_oracle.hpp"

namespace instainfer::core {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::IsEmpty;

/// What a planner makes of a problem from scratch, event by event, nothing loaded before.
double value_by_planner(const char* name, const PlanProblem& problem) {
  PlanDriver driver(name);
  for (const ProblemBin& bin : problem.bins) {
    BinFacts facts = bin.facts;
    facts.expected_end = driver.now + bin.life;
    driver.open(facts);
  }
  for (const ProblemFunction& f : problem.functions) {
    // The rate that explains the first copy's value when held.
    const double chance = f.value_held.front() / instainfer::seconds(f.facts.load_time);
    driver.add_function(f.facts, -std::log1p(-chance) / 60);
  }
  driver.settle(1000);
  std::vector<Placement> target;
  for (const ProblemBin& bin : problem.bins) {
    for (const FunctionId f : driver.held(bin.facts.id)) target.push_back({bin.facts.id, f});
  }
  const double value = value_of_plan(problem, target);
  EXPECT_GE(value, 0) << name << " broke a rule";
  return value;
}

struct Ratios {
  double mean = 0;
  double worst = 1;
  void add(double ratio, int of) {
    mean += ratio / of;
    worst = std::min(worst, ratio);
  }
};

void compare_with_oracle(BinSizes sizes, const char* title) {
  constexpr int kInstances = 1000;
  Ratios full;
  Ratios knapsack;
  Ratios priority;
  for (int seed = 0; seed < kInstances; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const PlanProblem problem = random_problem(random, sizes);
    const double best = best_value(problem);
    if (best < 1e-9) {
      full.add(1, kInstances), knapsack.add(1, kInstances), priority.add(1, kInstances);
      continue;
    }
    const Plan plan = solve(problem);
    const double value = value_of_plan(problem, plan.target);
    ASSERT_NEAR(value, plan.value, 1e-9) << "seed " << seed;
    ASSERT_LE(value, best + 1e-9) << "seed " << seed;
    ASSERT_GE(value, 0.5 * best) << "below the proved bound: seed " << seed;
    ASSERT_GE(plan.upper_bound, best - 1e-9) << "seed " << seed;
    full.add(value / best, kInstances);
    const double incremental = value_by_planner("knapsack", problem) / best;
    ASSERT_GE(incremental, 0.5) << "seed " << seed;
    knapsack.add(incremental, kInstances);
    priority.add(value_by_planner("priority", problem) / best, kInstances);
  }
  std::printf(
      "%s, share of the optimum, mean / worst of %d: full plan %.4f / %.3f, knapsack as events come %.4f / %.3f, "
      "priority %.4f / %.3f\n",
      title, kInstances, full.mean, full.worst, knapsack.mean, knapsack.worst, priority.mean, priority.worst);
  EXPECT_GE(full.mean, 0.995);
  EXPECT_GE(full.worst, 0.90);
  EXPECT_GE(knapsack.mean, 0.95);
}

TEST(FullPlan, IsCloseToTheOptimumInEqualBins) {
  compare_with_oracle(BinSizes::equal, "equal bins");
}
TEST(FullPlan, IsCloseToTheOptimumInUnequalBins) {
  compare_with_oracle(BinSizes::unequal, "unequal bins");
}

TEST(FullPlan, IsOptimalForOneBinOfWholeCells) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    PlanProblem problem = random_problem(random, BinSizes::unequal);
    problem.bins.resize(1);
    problem.bins[0].facts.room = mebibytes(16 * 130);
    for (ProblemFunction& f : problem.functions) f.facts.bytes = mebibytes((f.facts.bytes.mib() + 15) / 16 * 16);
    EXPECT_NEAR(solve(problem).value, best_value(problem), 1e-9) << "seed " << seed;
  }
}

TEST(FullPlan, IsNeverBelowTheGuaranteeForIdenticalBins) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    PlanProblem problem = random_problem(random, BinSizes::equal);
    problem.search_budget = 0;
    const Plan plan = solve(problem);
    EXPECT_GE(plan.value, (1 - std::exp(-1.0)) * best_value(problem)) << "seed " << seed;
  }
}

TEST(FullPlan, GainsNothingFromLessRoomAndLosesNothingByMore) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 random(seed);
    PlanProblem problem = random_problem(random, BinSizes::unequal);
    problem.bins.resize(1);
    double before = 0;
    for (int mib = 512; mib <= 4096; mib += 256) {
      problem.bins[0].facts.room = mebibytes(mib);
      const double value = solve(problem).value;
      EXPECT_GE(value, before - 1e-9) << "seed " << seed << " room " << mib;
      before = value;
    }
  }
}

TEST(FullPlan, DoesNotChangeWhenAllValuesAreScaled) {
  std::mt19937_64 random(5);
  PlanProblem problem = random_problem(random, BinSizes::unequal);
  const Plan plan = solve(problem);
  for (ProblemFunction& f : problem.functions) {
    for (double& value : f.value) value *= 4;
    for (double& value : f.value_held) value *= 4;
  }
  EXPECT_EQ(solve(problem).target, plan.target);
}

TEST(FullPlan, IgnoresAFunctionThatFitsNowhere) {
  std::mt19937_64 random(6);
  PlanProblem problem = random_problem(random, BinSizes::unequal);
  const Plan plan = solve(problem);
  ProblemFunction giant{.facts = some_function(99, mebibytes(9000), seconds(60)), .value = {50}, .value_held = {60}};
  problem.functions.push_back(giant);
  EXPECT_EQ(solve(problem).target, plan.target);
}

TEST(FullPlan, PlansNamespacesIndependently) {
  std::mt19937_64 random(7);
  const PlanProblem mine = random_problem(random, BinSizes::unequal);
  PlanProblem other = random_problem(random, BinSizes::unequal);
  PlanProblem both = mine;
  for (ProblemFunction& f : other.functions) {
    f.facts.ns = {2};
    f.facts.id.value += 100;
    both.functions.push_back(f);
  }
  for (ProblemBin& bin : other.bins) {
    bin.facts.ns = {2};
    bin.facts.id.value += 100;
    both.bins.push_back(bin);
  }
  std::vector<Placement> apart = solve(mine).target;
  const std::vector<Placement> second = solve(other).target;
  apart.insert(apart.end(), second.begin(), second.end());
  EXPECT_THAT(solve(both).target, testing::UnorderedElementsAreArray(apart));
}

TEST(FullPlan, KeepsPinnedCopiesAndPrefersWhatIsLoaded) {
  PlanProblem problem;
  problem.functions.push_back(
      {.facts = some_function(1, mebibytes(500), seconds(1)), .value = {0.5}, .value_held = {0.7}});
  problem.functions.push_back(
      {.facts = some_function(2, mebibytes(500), seconds(1)), .value = {0.6}, .value_held = {0.8}});
  problem.bins.push_back({.facts = some_bin(1, mebibytes(600), {}), .life = minutes(10), .held = {{1}}});
  EXPECT_THAT(solve(problem).target, testing::ElementsAre(Placement{{1}, {1}}));
  problem.functions[1].value = {0.9};
  EXPECT_THAT(solve(problem).target, testing::ElementsAre(Placement{{1}, {2}}));
  problem.bins[0].pinned = {{1}};
  EXPECT_THAT(solve(problem).target, testing::ElementsAre(Placement{{1}, {1}}));
}

TEST(FullPlan, OfNothingIsNothing) {
  EXPECT_THAT(solve({}).target, IsEmpty());
  EXPECT_EQ(solve({}).upper_bound, 0);
}

}  // namespace
}  // namespace instainfer::core
