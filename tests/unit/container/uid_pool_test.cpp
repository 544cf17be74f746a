#include "instainfer/container/uid_pool.hpp"

#include <gtest/gtest.h>

namespace instainfer::container {
namespace {

TEST(UidPool, HandsOutEachUidOfTheRangeOnce) {
  UidPool pool(1000, 3);
  EXPECT_EQ(pool.take(), 1000U);
  EXPECT_EQ(pool.take(), 1001U);
  EXPECT_EQ(pool.take(), 1002U);
  EXPECT_EQ(pool.take(), std::nullopt);
  EXPECT_EQ(pool.in_use(), 3U);
}

TEST(UidPool, ReusesTheLongestUnusedUidFirst) {
  UidPool pool(1000, 3);
  const auto first = pool.take();
  const auto second = pool.take();
  pool.give_back(*second);
  pool.give_back(*first);
  EXPECT_EQ(pool.take(), 1002U);
  EXPECT_EQ(pool.take(), second);
  EXPECT_EQ(pool.take(), first);
}

TEST(UidPool, AUidInUseIsNotHandedOutAgain) {
  UidPool pool(1000, 2);
  const auto held = pool.take();
  for (int i = 0; i < 10; ++i) {
    const auto other = pool.take();
    ASSERT_TRUE(other);
    EXPECT_NE(other, held);
    pool.give_back(*other);
  }
}

}  // namespace
}  // namespace instainfer::container
