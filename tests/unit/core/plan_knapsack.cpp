// Values, stickiness and the golden scenario of policies.md 6.2 and 14.1.

#include <gmock/gmock.h>

#include "unit/core/plan_driver.hpp"

namespace instainfer::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr double kPerMinute[] = {2, .5, .3, .2, .1, .4, .25, .15};

double gain(PlanDriver& driver, FunctionId f) {
  for (const Term& t : driver.planner().explain(f, driver.now)) {
    if (t.name == "gain_of_another_copy_seconds") return t.value;
  }
  ADD_FAILURE() << "no gain explained";
  return 0;
}

TEST(KnapsackValues, AreThoseOfTheGoldenScenario) {
  PlanDriver driver("knapsack");
  constexpr double kExpected[] = {.1381, .0921, .0629, -.014, -.262, .2614, .0211, -.137};
  for (std::uint32_t m = 0; m < 8; ++m) {
    driver.add_paper_model(static_cast<Paper>(m), kPerMinute[m]);
    EXPECT_NEAR(gain(driver, {m}), kExpected[m], 6e-4) << kPaperModels[m].name;
  }
}

TEST(KnapsackValues, ASecondCopyOfWhatIsWarmIsNotWorthALoad) {
  PlanDriver driver("knapsack");
  driver.add_paper_model(kR18, 2);
  driver.warm({kR18}, 1);
  EXPECT_LT(gain(driver, {kR18}), 0);
  driver.open_bin(1, mebibytes(2047));
  EXPECT_THAT(driver.settle(), IsEmpty());
}

TEST(KnapsackValues, BreakEvenIsNearThreeCallsAnHourAtFiveMinutes) {
  PlanDriver driver("knapsack", {.horizon = seconds(300)});
  driver.add_paper_model(kVgg, 0.1);
  EXPECT_NEAR(gain(driver, {kVgg}), 0.457, 1e-3);
  driver.open_bin(1, mebibytes(2047));
  driver.settle();
  EXPECT_NEAR(driver.value(), 0.948, 1e-3);
  driver.add_function(some_function(20, mebibytes(100), milliseconds(10)), 2.6 / 3600);
  EXPECT_LT(gain(driver, {20}), 0);
  driver.add_function(some_function(21, mebibytes(100), milliseconds(10)), 2.75 / 3600);
  EXPECT_GT(gain(driver, {21}), 0);
}

/// Two idle containers of 2047 MB, the eight models at the rates of the worked example.
class Golden : public testing::Test {
 protected:
  PlanDriver driver{"knapsack"};
  void SetUp() override {
    for (std::uint32_t m = 0; m < 8; ++m) driver.add_paper_model(static_cast<Paper>(m), kPerMinute[m]);
  }
};

TEST_F(Golden, TheFullPlanIsTheOptimumThatPairMovesFind) {
  driver.planner().problem(driver.now);
  driver.now += minutes(2);
  driver.open_bin(1, mebibytes(2047));
  driver.open_bin(2, mebibytes(2047));
  driver.step(0);
  const auto problem = driver.planner().problem(driver.now);
  ASSERT_TRUE(problem);
  PlanProblem greedy = *problem;
  greedy.search_budget = 0;
  // Bins of equal room: which of them gets what is a matter of ids only. Copies that are queued do not count as held.
  EXPECT_NEAR(solve(greedy).value, .5126, 2e-3);
  const Plan plan = solve(*problem);
  EXPECT_NEAR(plan.value, .5544, 2e-3);
  driver.planner().adopt(plan, driver.now);
  const std::vector<Placement> loads = driver.settle();
  // Value per second of loading: R18 .658, R50 .189, Inc .115, R152 .053.
  EXPECT_THAT(loads, ElementsAre(testing::Field(&Placement::function, FunctionId{kR18}),
                                 testing::Field(&Placement::function, FunctionId{kR50}),
                                 testing::Field(&Placement::function, FunctionId{kInc}),
                                 testing::Field(&Placement::function, FunctionId{kR152})));
  EXPECT_EQ(loads[1].bin, loads[2].bin);
  EXPECT_EQ(loads[0].bin, loads[3].bin);

  // Twenty seconds later R50 is called: its container runs, Inc is lost and too weak to displace R152.
  driver.now += seconds(20);
  const ContainerId one = loads[1].bin;
  driver.arrive({kR50});
  driver.close(one);
  EXPECT_THAT(driver.settle(), IsEmpty());
  // It ends: the container holds its own R50, and Inc fits beside it.
  driver.now += milliseconds(253);
  driver.open_bin(one.value, mebibytes(1140), FunctionId{kR50});
  driver.warm({kR50}, 1);
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{one, {kInc}}));
  // The other container is removed: nothing fits anywhere.
  driver.close(loads[0].bin);
  EXPECT_THAT(driver.settle(), IsEmpty());
}

TEST(Knapsack, AvoidsTheDensityTrap) {
  // R18 has more value per byte, but then VGG does not fit.
  PlanDriver driver("knapsack", {.kappa = 0});
  driver.add_paper_model(kR18, .5);
  driver.add_paper_model(kVgg, .05);
  driver.open_bin(1, mebibytes(2047));
  EXPECT_THAT(driver.settle(), ElementsAre(testing::Field(&Placement::function, FunctionId{kVgg})));
}

TEST(Knapsack, DoesNotSwapWhatIsNearlyWorthTheSame) {
  PlanDriver driver("knapsack");
  driver.add_function(some_function(1, mebibytes(500), seconds(1)), 1.0 / 60);
  driver.add_function(some_function(2, mebibytes(500), seconds(1)), 1.0 / 60);
  driver.open_bin(1, mebibytes(600));
  ASSERT_EQ(driver.settle().size(), 1U);
  int swaps = 0;
  for (int i = 0; i < 1000; ++i) {
    driver.now += seconds(5);
    BinFacts bin = driver.bins().at({1});
    bin.expected_end = driver.now + minutes(10);
    driver.open(bin);
    driver.arrivals.rates[{1}] = (i % 2 == 0 ? 1.0 : 1.1) / 60;
    driver.arrivals.rates[{2}] = (i % 2 == 0 ? 1.1 : 1.0) / 60;
    driver.planner().on_function(driver.functions().at({1}), driver.now);
    driver.planner().on_function(driver.functions().at({2}), driver.now);
    swaps += static_cast<int>(driver.settle().size());
  }
  EXPECT_EQ(swaps, 0);
}

TEST(Knapsack, SwapsOnceForTwiceTheWorth) {
  PlanDriver driver("knapsack");
  driver.add_function(some_function(1, mebibytes(500), seconds(1)), 0.5 / 60);
  driver.open_bin(1, mebibytes(600));
  ASSERT_EQ(driver.settle().size(), 1U);
  driver.add_function(some_function(2, mebibytes(500), seconds(3)), 1.0 / 60);
  int swaps = 0;
  for (int i = 0; i < 100; ++i) {
    driver.now += seconds(5);
    swaps += static_cast<int>(driver.settle().size());
  }
  EXPECT_EQ(swaps, 1);
  EXPECT_THAT(driver.held({1}), ElementsAre(FunctionId{2}));
}

TEST(Knapsack, LetsANewCopyStayForTwiceItsLoadTime) {
  PlanDriver driver("knapsack");
  driver.add_function(some_function(1, mebibytes(500), seconds(1)), 0.5 / 60);
  driver.open_bin(1, mebibytes(600));
  driver.settle();
  driver.add_function(some_function(2, mebibytes(500), seconds(3)), 2.0 / 60);
  driver.now += milliseconds(1999);
  EXPECT_THAT(driver.settle(), IsEmpty());
  EXPECT_EQ(driver.planner().wake(driver.now), driver.now + milliseconds(1));
  driver.now += milliseconds(1);
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{{1}, {2}}));
}

TEST(Knapsack, PutsHotBesideHotAndLightAndColdBesideHeavy) {
  PlanDriver driver("knapsack", {.kappa = 0, .max_copies = 1});
  const auto add = [&](std::uint32_t id, Duration load, double per_minute) {
    driver.add_function(some_function(id, mebibytes(900), load), per_minute / 60);
  };
  // A hot light one and a cold heavy one each have a container; then come another of each kind.
  driver.open_bin(1, mebibytes(2000));
  add(1, milliseconds(500), 6);
  driver.settle();
  driver.open_bin(2, mebibytes(2000), FunctionId{1});
  add(2, milliseconds(2400), .1);
  driver.settle();
  ASSERT_THAT(driver.held({2}), ElementsAre(FunctionId{2}));
  add(3, milliseconds(600), 6);
  add(4, milliseconds(2100), .1);
  driver.settle();
  EXPECT_THAT(driver.held({1}), UnorderedElementsAre(FunctionId{1}, FunctionId{3}));
  EXPECT_THAT(driver.held({2}), UnorderedElementsAre(FunctionId{2}, FunctionId{4}));
}

TEST(Knapsack, CountsOnlyArrivalsBeforeTheContainersEnd) {
  PlanDriver driver("knapsack");
  driver.add_function(some_function(1, mebibytes(500), seconds(1)), 1.0 / 60);
  BinFacts bin = some_bin(1, mebibytes(600), driver.now);
  bin.expected_end = driver.now + seconds(10);
  driver.open(bin);
  EXPECT_THAT(driver.settle(), IsEmpty());
  bin.expected_end = driver.now + seconds(60);
  bin.id = {2};
  driver.open(bin);
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{{2}, {1}}));
}

}  // namespace
}  // namespace instainfer::core
