#include "statistics.hpp"

#include <gtest/gtest.h>

namespace instainfer::replay {
namespace {

TEST(Percentile, IsTheValueAtTheRankRoundedUp) {
  const std::vector<double> values = {1, 2, 3, 4};
  EXPECT_EQ(percentile(values, 0), 1);
  EXPECT_EQ(percentile(values, 0.25), 1);
  EXPECT_EQ(percentile(values, 0.26), 2);
  EXPECT_EQ(percentile(values, 0.5), 2);
  EXPECT_EQ(percentile(values, 0.95), 4);
  EXPECT_EQ(percentile(values, 1), 4);
}

TEST(Percentile, OfOneValueIsThatValueAndOfNoneZero) {
  EXPECT_EQ(percentile({7}, 0.99), 7);
  EXPECT_EQ(percentile({}, 0.5), 0);
}

TEST(Describe, SortsFirst) {
  const auto d = describe({30, 10, 20});
  EXPECT_EQ(d.mean, 20);
  EXPECT_EQ(d.p50, 20);
  EXPECT_EQ(d.p95, 30);
  EXPECT_EQ(d.p99, 30);
  EXPECT_EQ(d.total, 60);
}

}  // namespace
}  // namespace instainfer::replay
