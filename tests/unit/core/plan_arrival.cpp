#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "instainfer/core/arrival_model.hpp"

namespace instainfer::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr FunctionId kF{1};
constexpr TimePoint kStart{hours(1)};

std::unique_ptr<ArrivalModel> make(std::string_view name, ArrivalSettings settings = {}) {
  auto model = make_arrival_model(name, settings);
  EXPECT_TRUE(model.has_value());
  return std::move(*model);
}

/// A model that has seen `count` arrivals, one every `gap`; the last at `kStart`.
std::unique_ptr<ArrivalModel> regular(std::string_view name, int count, Duration gap, ArrivalSettings settings = {}) {
  auto model = make(name, settings);
  model->add(kF, kStart - gap * (count - 1), nullptr);
  for (int i = count - 1; i >= 0; --i) model->arrived(kF, kStart - gap * i);
  return model;
}

TEST(ArrivalModels, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  const auto model = make_arrival_model("crystal-ball", {});
  ASSERT_FALSE(model.has_value());
  EXPECT_THAT(model.error().message, testing::HasSubstr("\"crystal-ball\"; known: window-poisson, gamma-poisson"));
}

TEST(ArrivalModels, RefuseSettingsThatCannotWork) {
  EXPECT_FALSE(make_arrival_model("gamma-poisson", {.window = 1}).has_value());
  EXPECT_FALSE(make_arrival_model("gamma-poisson", {.p_load = 0.9, .p_offload = 0.5}).has_value());
  EXPECT_FALSE(make_arrival_model("gamma-poisson", {.p_offload = 1}).has_value());
  EXPECT_FALSE(make_arrival_model("gamma-poisson", {.prior_shape = std::nan("")}).has_value());
  EXPECT_FALSE(make_arrival_model("gamma-poisson", {.forget_per_hour = 0}).has_value());
}

TEST(WindowPoisson, TakesTheRateOfTheWindowSeenFromNow) {
  const auto model = regular("window-poisson", 10, seconds(60), {.window = 10});
  EXPECT_NEAR(model->rate(kF, kStart), 1.0 / 60, 1e-9);
  EXPECT_NEAR(model->probability(kF, kStart, seconds(60)), 0.6321, 1e-4);
  EXPECT_NEAR(model->rate(kF, kStart + seconds(540)), 9.0 / 1080, 1e-9);
  EXPECT_NEAR(model->probability(kF, kStart + seconds(540), seconds(60)), 0.3935, 1e-4);
}

TEST(WindowPoisson, LoadsAndOffloadsAtTheQuantilesOfTheGap) {
  for (const auto& [per_minute, load_s, offload_s] :
       {std::tuple{1.0, 3.7125, 168.80}, {0.1, 37.125, 1688.0}, {1.0 / 60, 222.75, 10128.0}}) {
    const auto model = regular("window-poisson", 20, from_seconds(60 / per_minute));
    const auto window = model->window(kF, kStart + hours(5));
    ASSERT_TRUE(window);
    EXPECT_NEAR(instainfer::seconds(window->load_at - kStart), load_s, load_s * 1e-3);
    EXPECT_NEAR(instainfer::seconds(window->offload_at - kStart), offload_s, offload_s * 1e-3);
  }
}

TEST(WindowPoisson, HoldsTheModelThroughTheCentralShareOfExponentialGaps) {
  const auto model = regular("window-poisson", 20, seconds(60));
  const auto window = *model->window(kF, kStart);
  std::mt19937_64 random(7);
  std::exponential_distribution<double> gap(1.0 / 60);
  int inside = 0;
  for (int i = 0; i < 100'000; ++i) {
    const TimePoint next = kStart + from_seconds(gap(random));
    inside += next >= window.load_at && next < window.offload_at ? 1 : 0;
  }
  EXPECT_NEAR(inside / 100'000.0, 0.88, 0.003);
}

TEST(WindowPoisson, FallsBackOnThePriorBeforeTwoArrivals) {
  const auto model = make("window-poisson");
  model->add(kF, kStart, nullptr);
  EXPECT_NEAR(model->rate(kF, kStart), 0.5 / 600, 1e-9);
  EXPECT_GT(model->probability(kF, kStart, seconds(60)), 0);
  model->arrived(kF, kStart);
  EXPECT_NEAR(model->rate(kF, kStart), 1.5 / 600, 1e-9);
}

TEST(GammaPoisson, AnswersThePosteriorPredictive) {
  const ArrivalSettings remembers{.forget_per_hour = 1};
  auto model = make("gamma-poisson", remembers);
  model->add(kF, kStart - seconds(1800), nullptr);
  EXPECT_NEAR(model->probability(kF, kStart - seconds(1800), seconds(60)), 0.0465, 1e-4);
  EXPECT_NEAR(model->probability(kF, kStart, seconds(60)), 0.01227, 1e-5);
  for (int i = 1; i <= 3; ++i) model->arrived(kF, kStart - seconds(1800) + seconds(500) * i);
  EXPECT_NEAR(model->probability(kF, kStart, seconds(60)), 0.0828, 1e-4);
}

TEST(GammaPoisson, ForgetsTwoPercentAnHour) {
  auto forgets = make("gamma-poisson");
  auto remembers = make("gamma-poisson", {.forget_per_hour = 1});
  for (auto* model : {forgets.get(), remembers.get()}) {
    model->add(kF, kStart, nullptr);
    for (int i = 0; i < 100; ++i) model->arrived(kF, kStart + seconds(i));
  }
  const TimePoint later = kStart + hours(34);
  // After 34.3 hours half of the evidence is gone on both sides: what was seen and for how long.
  const double left = std::pow(0.98, 34);
  const double per_second = -std::log(0.98) / 3600;
  EXPECT_NEAR(forgets->rate(kF, later), (0.5 + 100 * left) / (600 + (1 - left) / per_second), 1e-5);
  EXPECT_NEAR(remembers->rate(kF, later), 100.5 / (600 + 34 * 3600), 1e-9);
}

TEST(GammaPoisson, WindowEndsWhereTheChanceOfAnArrivalSays) {
  const auto model = regular("gamma-poisson", 5, seconds(60), {.forget_per_hour = 1});
  const auto window = *model->window(kF, kStart);
  EXPECT_NEAR(model->probability(kF, kStart, window.load_at - kStart), 0.06, 1e-6);
  EXPECT_NEAR(model->probability(kF, kStart, window.offload_at - kStart), 0.94, 1e-6);
}

class EveryArrivalModel : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, EveryArrivalModel, testing::Values("window-poisson", "gamma-poisson"));

TEST_P(EveryArrivalModel, WantsAFunctionThatWasNeverCalledFromTheStart) {
  const auto model = make(GetParam());
  model->add(kF, kStart, nullptr);
  const auto window = model->window(kF, kStart);
  ASSERT_TRUE(window);
  EXPECT_EQ(window->load_at, kStart);
  EXPECT_GT(window->offload_at, kStart + minutes(30));
}

TEST_P(EveryArrivalModel, KnowsNothingOfUnknownAndRemovedFunctions) {
  const auto model = make(GetParam());
  model->arrived(kF, kStart);
  EXPECT_EQ(model->rate(kF, kStart), 0);
  model->add(kF, kStart, nullptr);
  model->arrived(kF, kStart);
  model->remove(kF);
  EXPECT_EQ(model->rate(kF, kStart), 0);
  EXPECT_EQ(model->probability(kF, kStart, seconds(60)), 0);
  EXPECT_EQ(model->probability_of_copies(kF, kStart, seconds(60), 1, seconds(1), 0), 0);
  EXPECT_FALSE(model->window(kF, kStart));
}

TEST_P(EveryArrivalModel, RateFallsWithSilence) {
  const auto model = regular(GetParam(), 20, seconds(10));
  double before = model->rate(kF, kStart);
  for (int minute = 1; minute < 200; ++minute) {
    const double now = model->rate(kF, kStart + minutes(minute));
    EXPECT_LT(now, before);
    before = now;
  }
}

TEST_P(EveryArrivalModel, SimultaneousArrivalsKeepEverythingFinite) {
  const auto model = make(GetParam());
  model->add(kF, kStart, nullptr);
  for (int i = 0; i < 100; ++i) model->arrived(kF, kStart);
  EXPECT_TRUE(std::isfinite(model->rate(kF, kStart)));
  EXPECT_GT(model->rate(kF, kStart), 0);
  EXPECT_LE(model->probability(kF, kStart, seconds(60)), 1);
  const auto window = model->window(kF, kStart);
  ASSERT_TRUE(window);
  EXPECT_LE(kStart, window->load_at);
  EXPECT_LE(window->load_at, window->offload_at);
}

TEST_P(EveryArrivalModel, StillLearnsAfterAMillionArrivals) {
  const auto model = make(GetParam(), {.forget_per_hour = 1});
  TimePoint now = kStart;
  model->add(kF, now, nullptr);
  for (int i = 0; i < 1'000'000; ++i) model->arrived(kF, now += milliseconds(100));
  EXPECT_NEAR(model->rate(kF, now), 10, 0.1);
  ProfileSnapshot profile;
  model->save(kF, now, profile);
  EXPECT_EQ(profile.arrivals, 1'000'000U);
  EXPECT_EQ(profile.arrival_ages.size(), 20U);
}

TEST_P(EveryArrivalModel, SurvivesYearsOfSilenceAndTheEndOfTime) {
  const auto model = regular(GetParam(), 3, seconds(1));
  const TimePoint late = kStart + hours(24 * 365 * 50);
  EXPECT_GE(model->probability(kF, late, seconds(60)), 0);
  EXPECT_LT(model->probability(kF, late, seconds(60)), 1e-3);
  EXPECT_TRUE(std::isfinite(model->probability(kF, TimePoint::max(), Duration::max())));
  EXPECT_TRUE(std::isfinite(model->probability_of_copies(kF, TimePoint::max(), Duration::max(), 9, seconds(1), 3)));
}

TEST_P(EveryArrivalModel, ASnapshotContinuesTheEarlierLife) {
  auto before = make(GetParam());
  before->add(kF, kStart, nullptr);
  TimePoint now = kStart;
  for (int i = 0; i < 15; ++i) before->arrived(kF, now += seconds(20 + 7 * (i % 4)));
  now += seconds(33);
  ProfileSnapshot profile;
  before->save(kF, now, profile);
  auto after = make(GetParam());
  after->add(kF, now, &profile);
  EXPECT_NEAR(after->rate(kF, now + seconds(5)), before->rate(kF, now + seconds(5)), 1e-9);
  EXPECT_NEAR(instainfer::seconds(after->window(kF, now)->offload_at - before->window(kF, now)->offload_at), 0, 1e-3);
  ProfileSnapshot again;
  after->save(kF, now, again);
  EXPECT_EQ(profile, again);
}

TEST_P(EveryArrivalModel, OfAFunctionNeverCalledASnapshotKeepsTheSilence) {
  auto before = make(GetParam());
  before->add(kF, kStart, nullptr);
  ProfileSnapshot profile;
  before->save(kF, kStart + hours(2), profile);
  auto after = make(GetParam());
  after->add(kF, kStart + hours(2), &profile);
  EXPECT_NEAR(after->rate(kF, kStart + hours(3)), before->rate(kF, kStart + hours(3)), 1e-12);
}

TEST_P(EveryArrivalModel, TheFirstCopyIsNeededWhenThereIsAnArrival) {
  const auto model = regular(GetParam(), 8, seconds(30));
  const TimePoint now = kStart + seconds(17);
  for (const Duration w : {Duration(milliseconds(1)), Duration(seconds(60)), Duration(hours(1))}) {
    EXPECT_NEAR(model->probability_of_copies(kF, now, w, 1, seconds(2), 0), model->probability(kF, now, w), 1e-12);
  }
}

TEST_P(EveryArrivalModel, EachFurtherCopyIsNeededLessAndCopiesInServiceAreCertain) {
  const auto model = regular(GetParam(), 8, seconds(3));
  double before = 1;
  for (int k = 1; k <= 12; ++k) {
    const double p = model->probability_of_copies(kF, kStart, seconds(60), k, seconds(2), 0);
    EXPECT_LE(p, before);
    EXPECT_GE(p, 0);
    before = p;
  }
  EXPECT_EQ(model->probability_of_copies(kF, kStart, seconds(60), 3, seconds(2), 3), 1);
  EXPECT_EQ(model->probability_of_copies(kF, kStart, seconds(60), 2, Duration::zero(), 0), 0);
}

struct CopiesCase {
  double per_second, hold, within;
  int k;
  double expected;
};

TEST(WindowPoisson, CopiesAreNeededAsFirstPassageSays) {
  for (const auto& c : {CopiesCase{1.0 / 60, 2, 60, 2, 0.0308},
                        {1.0 / 60, 2, 600, 2, 0.2684},
                        {0.1, 2, 60, 1, 0.9975},
                        {0.1, 2, 60, 2, 0.5756},
                        {0.1, 2, 60, 3, 0.0845},
                        {0.1, 10, 60, 3, 0.5276}}) {
    const auto model = regular("window-poisson", 20, from_seconds(1 / c.per_second));
    EXPECT_NEAR(model->probability_of_copies(kF, kStart, from_seconds(c.within), c.k, from_seconds(c.hold), 0),
                c.expected, 1e-4);
  }
}

}  // namespace
}  // namespace instainfer::core
