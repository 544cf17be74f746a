#include "reference.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace instainfer::replay {
namespace {

using nlohmann::json;

json answer(std::vector<double> values) {
  return {{"outputs", {{{"name", "scores"}, {"data", std::move(values)}}}}};
}

TEST(Compare, EqualWithinTheTolerance) {
  const auto c = compare({{1, -2, 0.5}}, answer({1.0001, -2, 0.5}));
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->equal);
  EXPECT_NEAR(c->largest_difference, 0.00005, 1e-9);
}

TEST(Compare, NotEqualBeyondTheTolerance) {
  const auto c = compare({{1, -2, 0.5}}, answer({1.001, -2, 0.5}));
  ASSERT_TRUE(c);
  EXPECT_FALSE(c->equal);
  EXPECT_TRUE(c->same_top1);
}

TEST(Compare, NotEqualWithAnotherTop1) {
  const auto c = compare({{1, 1.00001}}, answer({1.00001, 1}));
  ASSERT_TRUE(c);
  EXPECT_FALSE(c->same_top1);
  EXPECT_FALSE(c->equal);
}

TEST(Compare, RefusesAnotherNumberOfValues) {
  const auto c = compare({{1, 2}}, answer({1}));
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().message, "the result has 1 values, the reference 2");
}

TEST(Compare, RefusesWhatIsNoTensorAnswer) {
  for (const auto* text : {"null", "{}", R"({"outputs":[]})", R"({"outputs":[{"data":["a"]}]})", R"({"error":"x"})"}) {
    EXPECT_FALSE(compare({{1}}, json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace instainfer::replay
