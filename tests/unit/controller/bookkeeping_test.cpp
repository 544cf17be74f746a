#include <gtest/gtest.h>

#include "in_flight.hpp"
#include "throttle.hpp"

namespace instainfer::controller {
namespace {

using namespace std::chrono_literals;

constexpr InFlight::TimePoint kStart{};

TEST(InFlight, CountsPerNamespaceUntilCompletion) {
  InFlight in_flight;
  in_flight.begin("1", "guest", "guest/a", kStart + 10s);
  in_flight.begin("2", "guest", "guest/a", kStart + 10s);
  in_flight.begin("3", "other", "other/a", kStart + 10s);
  EXPECT_EQ(in_flight.count("guest", kStart), 2);
  EXPECT_TRUE(in_flight.complete("1"));
  EXPECT_FALSE(in_flight.complete("1"));
  EXPECT_EQ(in_flight.count("guest", kStart), 1);
  EXPECT_EQ(in_flight.list(kStart).size(), 2u);
}

TEST(InFlight, AnActivationThatIsNeverAcknowledgedGivesUpItsPlaceAtItsDeadline) {
  InFlight in_flight;
  in_flight.begin("1", "guest", "guest/a", kStart + 10s);
  in_flight.begin("2", "guest", "guest/a", kStart + 20s);
  EXPECT_EQ(in_flight.count("guest", kStart + 10s), 1);
  EXPECT_FALSE(in_flight.complete("1"));
  EXPECT_TRUE(in_flight.complete("2"));
  EXPECT_EQ(in_flight.count("guest", kStart + 10s), 0);
}

TEST(MinuteThrottle, CountsEachNamespaceAnewEveryCalendarMinute) {
  MinuteThrottle throttle;
  const EpochMillis last_of_minute{59999ms};
  EXPECT_EQ(throttle.count("guest", last_of_minute), 1);
  EXPECT_EQ(throttle.count("guest", last_of_minute), 2);
  EXPECT_EQ(throttle.count("other", last_of_minute), 1);
  EXPECT_EQ(throttle.count("guest", last_of_minute + 1ms), 1);
}

}  // namespace
}  // namespace instainfer::controller
