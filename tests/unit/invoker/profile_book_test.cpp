#include "profile_book.hpp"

#include <gtest/gtest.h>

#include "builders.hpp"

namespace instainfer::invoker {
namespace {

using namespace std::chrono_literals;

struct ProfileBookTest : ::testing::Test {
  ProfileBookTest() {
    function.ns = "guest";
    function.action = testing::an_action("f");
    function.hash = "h1";
    store::StoredProfile stored;
    stored.execution_hash = "h1";
    stored.saved_at = EpochMillis(100s);
    stored.profile.loads = 3;
    stored.profile.observed_for = 50s;
    stored.profile.arrival_ages = {20s, 10s};
    book.restore({{{"guest", "guest/f"}, stored}});
  }
  Function function;
  ProfileBook book;
};

TEST_F(ProfileBookTest, TimeWhileTheProcessWasAwayCountsAsSilence) {
  const auto profile = book.find(function, EpochMillis(130s));
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->arrival_ages, (std::vector<Duration>{50s, 40s}));
  EXPECT_EQ(profile->observed_for, Duration(80s));
  EXPECT_EQ(profile->loads, 3u);
}

TEST_F(ProfileBookTest, AClockSetBackDoesNotMoveArrivalsIntoTheFuture) {
  EXPECT_EQ(book.find(function, EpochMillis(10s))->arrival_ages, (std::vector<Duration>{20s, 10s}));
}

TEST_F(ProfileBookTest, OtherCodeStartsAnew) {
  function.hash = "h2";
  EXPECT_FALSE(book.find(function, EpochMillis(130s)));
}

}  // namespace
}  // namespace instainfer::invoker
