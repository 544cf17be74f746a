// The mission's packer: worked examples of policies.md 5.7.

#include <gmock/gmock.h>

#include "unit/core/plan_driver.hpp"

namespace instainfer::core {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr double kPerMinute[] = {2, .5, .3, .2, .1, .4, .25, .15};

double term(const Explanation& explanation, std::string_view name) {
  for (const Term& t : explanation) {
    if (t.name == name) return t.value;
  }
  ADD_FAILURE() << "no term " << name;
  return 0;
}

class Priority : public testing::Test {
 protected:
  PlanDriver driver{"priority", {.max_copies = 1}};
};

TEST_F(Priority, ExpectsWhatTheWorkedExampleSays) {
  constexpr double kExpected[] = {.1816, .1912, .3058, .1216, .2293, .7520, .2988, .2894};
  for (std::uint32_t m = 0; m < 8; ++m) {
    driver.add_paper_model(static_cast<Paper>(m), kPerMinute[m]);
    const Explanation why = driver.planner().explain({m}, driver.now);
    EXPECT_NEAR(term(why, "expected_saving_seconds"), kExpected[m], 1e-4) << kPaperModels[m].name;
  }
}

TEST_F(Priority, FillsTwoContainersInDecreasingExpectation) {
  driver.open_bin(1, mebibytes(2047));
  driver.open_bin(2, mebibytes(2047));
  for (std::uint32_t m = 0; m < 8; ++m) driver.add_paper_model(static_cast<Paper>(m), kPerMinute[m]);
  const std::vector<Placement> loads = driver.settle();
  // Inc .752, R152 .306, Goog .299 beside Inc, R18 .182 beside R152: the optimum of the worked example, 1.538 s.
  ASSERT_EQ(loads.size(), 4U);
  EXPECT_EQ(loads.front().function, FunctionId{kInc});
  EXPECT_EQ(loads[0].bin, loads[2].bin);
  EXPECT_EQ(loads[2].function, FunctionId{kGoog});
  EXPECT_NEAR(driver.value(), 1.5383, 1e-3);
}

TEST_F(Priority, PlacesDAndBOfTheTalksExampleAndCWhereRoomRemains) {
  // E: A .3, B 1, C .8, D 1.5; each container takes one.
  const double expected[] = {.3, 1, .8, 1.5};
  for (std::uint32_t f = 0; f < 4; ++f) {
    driver.add_function(some_function(f, mebibytes(1000), from_seconds(expected[f])), 1.0 / 6);
  }
  driver.open_bin(1, mebibytes(1000));
  driver.open_bin(2, mebibytes(1000));
  const std::vector<Placement> loads = driver.settle();
  ASSERT_THAT(loads, ElementsAre(testing::Field(&Placement::function, FunctionId{3}),
                                 testing::Field(&Placement::function, FunctionId{1})));
  // B is invoked in its container; a third one becomes idle: C goes there.
  driver.close(loads[1].bin);
  driver.arrive({1});
  driver.open_bin(3, mebibytes(1000), FunctionId{0});
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{{3}, {2}}));
}

TEST_F(Priority, EvictsOnlyAStrictlySmallerSum) {
  driver.open_bin(1, mebibytes(1000));
  driver.add_function(some_function(1, mebibytes(500), seconds(2)), 100);
  driver.add_function(some_function(2, mebibytes(500), seconds(3)), 100);
  driver.settle();
  driver.add_function(some_function(3, mebibytes(1000), seconds(5)), 100);
  EXPECT_THAT(driver.settle(), IsEmpty());
  driver.add_function(some_function(4, mebibytes(1000), std::chrono::milliseconds(5001)), 100);
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{{1}, {4}}));
}

TEST_F(Priority, EvictsTheCheapestSetThatMakesRoom) {
  driver.open_bin(1, mebibytes(1500));
  for (std::uint32_t f = 1; f <= 3; ++f) driver.add_function(some_function(f, mebibytes(500), seconds(f)), 100);
  driver.settle(3);
  driver.add_function(some_function(4, mebibytes(900), seconds(4)), 100);
  driver.settle();
  EXPECT_THAT(driver.held({1}), UnorderedElementsAre(FunctionId{3}, FunctionId{4}));
}

TEST_F(Priority, KeepsAVictimUntilItsSuccessorsTurn) {
  driver.open_bin(1, mebibytes(500));
  driver.add_function(some_function(1, mebibytes(500), seconds(1)), 100);
  driver.settle();
  driver.add_function(some_function(2, mebibytes(500), seconds(2)), 100);
  EXPECT_THAT(driver.step(0).offloads, IsEmpty());
  EXPECT_THAT(driver.step(1).offloads, ElementsAre(Placement{{1}, {1}}));
}

TEST(PriorityCopies, AWarmContainerIsTheFirstCopy) {
  PlanDriver driver("priority", {.max_copies = 1});
  driver.open_bin(1, mebibytes(500));
  driver.add_function(some_function(1, mebibytes(500), seconds(2)), 2.0 / 60);
  driver.add_function(some_function(2, mebibytes(500), seconds(2)), 1.0 / 60);
  driver.warm({1}, 1);
  // 1 is called twice as often, but needs a second copy only when two calls come together.
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{{1}, {2}}));
}

TEST(PriorityCopies, FillsWhatIsLeftWithSecondCopiesAndGivesThemUpFirst) {
  PlanDriver driver("priority");
  driver.open_bin(1, mebibytes(500));
  driver.open_bin(2, mebibytes(500));
  FunctionFacts hot = some_function(1, mebibytes(500), seconds(2));
  hot.execution = seconds(2);
  driver.add_function(hot, 0.1);
  EXPECT_THAT(driver.settle(), UnorderedElementsAre(Placement{{1}, {1}}, Placement{{2}, {1}}));
  driver.add_function(some_function(2, mebibytes(500), seconds(2)), 0.1);
  driver.settle();
  EXPECT_NE(driver.held({1}), driver.held({2}));
}

TEST(PriorityCopies, WhatRunsNowIsNoReasonToLoadACopyElsewhere) {
  PlanDriver driver("priority", {.max_copies = 1});
  driver.open_bin(1, mebibytes(500));
  driver.add_function(some_function(1, mebibytes(500), seconds(1)), 1.0 / 60);
  driver.add_function(some_function(2, mebibytes(500), seconds(1)), 0.5 / 60);
  driver.arrive({1});
  EXPECT_THAT(driver.settle(), ElementsAre(Placement{{1}, {2}}));
  // It ended somewhere where it left nothing behind; after a while its end is believed without being told.
  driver.now += minutes(2);
  driver.settle();
  EXPECT_THAT(driver.held({1}), ElementsAre(FunctionId{1}));
}

}  // namespace
}  // namespace instainfer::core
