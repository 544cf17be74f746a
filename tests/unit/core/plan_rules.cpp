// What every planner must hold, whatever it wants: one harness, all planners.

#include <gmock/gmock.h>

#include <random>

#include "unit/core/plan_driver.hpp"

namespace instainfer::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr FunctionId kF{7};
constexpr ContainerId kBin{1};

TEST(PreloadPlanners, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  const SetRates arrivals;
  const auto planner = make_preload_planner("psychic", {}, arrivals);
  ASSERT_FALSE(planner.has_value());
  EXPECT_THAT(planner.error().message, testing::HasSubstr("\"psychic\"; known: none, priority, knapsack"));
}

TEST(PreloadPlanners, RefuseSettingsThatCannotWork) {
  const SetRates arrivals;
  EXPECT_FALSE(make_preload_planner("knapsack", {.horizon = Duration::zero()}, arrivals).has_value());
  EXPECT_FALSE(make_preload_planner("knapsack", {.kappa = std::nan("")}, arrivals).has_value());
  EXPECT_FALSE(make_preload_planner("knapsack", {.eta = -1}, arrivals).has_value());
  EXPECT_FALSE(make_preload_planner("knapsack", {.cell = Bytes{}}, arrivals).has_value());
  EXPECT_FALSE(make_preload_planner("knapsack", {.max_copies = 0}, arrivals).has_value());
}

TEST(NoPreloading, WantsNothing) {
  PlanDriver driver("none");
  driver.add_paper_model(kInc, 60);
  driver.open_bin(1, mebibytes(2047));
  EXPECT_THAT(driver.settle(), IsEmpty());
  EXPECT_FALSE(driver.planner().wake(driver.now));
}

class EveryPlanner : public testing::TestWithParam<const char*> {
 protected:
  PlanDriver driver{GetParam()};

  /// One function worth loading: 500 MiB, 1 s, once a minute.
  void add_one() { driver.add_function(some_function(kF.value, mebibytes(500), seconds(1)), 1.0 / 60); }
};
INSTANTIATE_TEST_SUITE_P(All, EveryPlanner, testing::Values("priority", "knapsack"));

TEST_P(EveryPlanner, LoadsWhatIsWantedIntoAnIdleContainer) {
  add_one();
  driver.open_bin(1, mebibytes(600));
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{kBin, kF}));
}

TEST_P(EveryPlanner, LoadsNothingBeforeASlotIsFree) {
  add_one();
  driver.open_bin(1, mebibytes(600));
  EXPECT_THAT(driver.step(0).loads, IsEmpty());
  EXPECT_THAT(driver.step(1).loads, ElementsAre(Placement{kBin, kF}));
}

TEST_P(EveryPlanner, DecidesALostStepAgain) {
  add_one();
  driver.open_bin(1, mebibytes(600));
  EXPECT_THAT(driver.planner().decide(driver.now, 1).loads, ElementsAre(Placement{kBin, kF}));
  EXPECT_THAT(driver.planner().decide(driver.now, 1).loads, ElementsAre(Placement{kBin, kF}));
}

TEST_P(EveryPlanner, KeepsToTheBinRule) {
  add_one();
  BinFacts other_namespace = some_bin(1, mebibytes(600), driver.now);
  other_namespace.ns = {2};
  BinFacts other_kind = some_bin(2, mebibytes(600), driver.now);
  other_kind.kind = {2};
  BinFacts low_limit = some_bin(3, mebibytes(600), driver.now);
  low_limit.memory_limit = mebibytes(128);
  BinFacts its_own = some_bin(4, mebibytes(600), driver.now);
  its_own.own = kF;
  BinFacts too_small = some_bin(5, mebibytes(499), driver.now);
  BinFacts ends_soon = some_bin(6, mebibytes(600), driver.now);
  ends_soon.expected_end = driver.now + seconds(2);
  BinFacts resume_eats_it = some_bin(7, mebibytes(600), driver.now);
  resume_eats_it.expected_end = driver.now + milliseconds(2100);
  resume_eats_it.resume_cost = milliseconds(100);
  for (const BinFacts& bin : {other_namespace, other_kind, low_limit, its_own, too_small, ends_soon, resume_eats_it}) {
    driver.open(bin);
  }
  EXPECT_THAT(driver.settle(), IsEmpty());
}

TEST_P(EveryPlanner, WaitsForTheRoomThatIsStillBeingWiped) {
  add_one();
  driver.open_bin(1, mebibytes(600));
  driver.settle();
  driver.remove_function(kF);
  const PlanSteps steps = driver.step();
  EXPECT_THAT(steps.offloads, ElementsAre(Placement{kBin, kF}));
  driver.add_function(some_function(8, mebibytes(500), seconds(1)), 1.0 / 60);
  EXPECT_THAT(driver.step().loads, IsEmpty());
  driver.finish(steps);
  EXPECT_THAT(driver.step().loads, ElementsAre(Placement{kBin, FunctionId{8}}));
}

TEST_P(EveryPlanner, LoadsAtTheGateAndDropsAtTheGate) {
  driver.arrivals.windows[kF] = {driver.now + seconds(4), driver.now + seconds(170)};
  add_one();
  driver.open_bin(1, mebibytes(600));
  EXPECT_THAT(driver.settle(), IsEmpty());
  EXPECT_EQ(driver.planner().wake(driver.now), driver.now + seconds(4));
  driver.now += seconds(4);
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{kBin, kF}));
  driver.now += seconds(165);
  EXPECT_THAT(driver.step().offloads, IsEmpty());
  driver.now += seconds(1);
  EXPECT_THAT(driver.step().offloads, ElementsAre(Placement{kBin, kF}));
}

TEST_P(EveryPlanner, BacksOffAfterFailuresAndGivesUpAfterSix) {
  add_one();
  driver.open_bin(1, mebibytes(600));
  for (const int wait : {1, 2, 4, 8, 16}) {
    ASSERT_THAT(driver.step().loads, ElementsAre(Placement{kBin, kF}));
    driver.fail_load(kBin, kF);
    driver.now += seconds(wait) - milliseconds(1);
    EXPECT_THAT(driver.step().loads, IsEmpty());
    driver.now += milliseconds(1);
  }
  ASSERT_THAT(driver.step().loads, ElementsAre(Placement{kBin, kF}));
  driver.fail_load(kBin, kF);
  driver.now += minutes(5);
  EXPECT_THAT(driver.step().loads, IsEmpty());
  EXPECT_THAT(driver.planner().explain(kF, driver.now),
              testing::Contains(testing::Field(&Term::name, "never_again_after_failures")));
}

TEST_P(EveryPlanner, FindsAnotherPlaceWhenABinCloses) {
  add_one();
  driver.open_bin(1, mebibytes(600));
  driver.settle();
  driver.open_bin(2, mebibytes(600));
  driver.close(kBin);
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{{2}, kF}));
}

TEST_P(EveryPlanner, TakesBackWhatAReopenedBinStillHolds) {
  add_one();
  driver.open_bin(1, mebibytes(600));
  driver.settle();
  driver.close(kBin);
  driver.open_bin(1, mebibytes(600));
  driver.report(kBin, kF, HeldState::ready);
  EXPECT_THAT(driver.settle(), IsEmpty());
  EXPECT_THAT(driver.held(kBin), ElementsAre(kF));
}

TEST_P(EveryPlanner, ShedsWhatNoLongerFitsWhenTheRoomShrinks) {
  add_one();
  driver.open_bin(1, mebibytes(600));
  driver.settle();
  driver.open_bin(1, mebibytes(400));
  EXPECT_THAT(driver.step().offloads, ElementsAre(Placement{kBin, kF}));
}

TEST_P(EveryPlanner, IgnoresWhatItDoesNotKnow) {
  driver.planner().on_arrival(kF, 0, driver.now);
  driver.planner().on_function_removed(kF, driver.now);
  driver.planner().on_load_failed(kF, driver.now);
  driver.planner().on_warm_copies(kF, 3, driver.now);
  driver.planner().on_held(kBin, kF, HeldState::ready, driver.now);
  driver.planner().on_bin_closed(kBin, driver.now);
  EXPECT_THAT(driver.settle(), IsEmpty());
  EXPECT_EQ(driver.planner().value_held(kBin, kF, driver.now), 0);
  EXPECT_THAT(driver.planner().explain(kF, driver.now), ElementsAre(testing::Field(&Term::name, "unknown_function")));
}

TEST_P(EveryPlanner, SaysThatNoBinIsLargeEnough) {
  add_one();
  driver.open_bin(1, mebibytes(499));
  driver.settle();
  EXPECT_THAT(driver.planner().explain(kF, driver.now),
              testing::Contains(testing::Field(&Term::name, "no_bin_is_large_enough")));
}

}  // namespace
}  // namespace instainfer::core
