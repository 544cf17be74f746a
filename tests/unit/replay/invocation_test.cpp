#include "invocation.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace instainfer::replay {
namespace {

using nlohmann::json;

json record(json annotations) {
  return {{"activationId", "0123"},
          {"duration", 120},
          {"response", {{"status", "success"}, {"success", true}, {"result", json::object()}}},
          {"annotations", std::move(annotations)}};
}

TEST(ReadActivation, TakesOurAnnotations) {
  Invocation i;
  const auto read = read_activation(record({{{"key", "startupType"}, {"value", "preloaded"}},
                                            {{"key", "preloadLevel"}, {"value", "initialised"}},
                                            {{"key", "loadTime"}, {"value", 2.5}},
                                            {{"key", "memoryWaitTime"}, {"value", 7}},
                                            {{"key", "waitTime"}, {"value", 9}}}),
                                    i);
  ASSERT_TRUE(read);
  EXPECT_EQ(i.start_type, "preloaded");
  EXPECT_EQ(i.preload_level, "initialised");
  EXPECT_EQ(i.loading_ms, 2.5);
  EXPECT_EQ(i.wait_ms, 7);
  EXPECT_EQ(i.run_ms, 120);
  EXPECT_TRUE(i.succeeded());
}

TEST(ReadActivation, OfAForeignOpenWhiskJudgesByInitTime) {
  Invocation cold;
  ASSERT_TRUE(
      read_activation(record({{{"key", "initTime"}, {"value", 100}}, {{"key", "waitTime"}, {"value", 9}}}), cold));
  EXPECT_EQ(cold.start_type, "cold");
  EXPECT_EQ(cold.loading_ms, 109);
  EXPECT_EQ(cold.run_ms, 20);
  Invocation warm;
  ASSERT_TRUE(read_activation(record(json::array()), warm));
  EXPECT_EQ(warm.start_type, "warm");
}

TEST(ReadActivation, KeepsTheErrorOfAFailedActivation) {
  auto failed = record(json::array());
  failed["response"] = {{"status", "application error"}, {"result", {{"error", "no such input"}}}};
  Invocation i;
  ASSERT_TRUE(read_activation(failed, i));
  EXPECT_FALSE(i.succeeded());
  EXPECT_EQ(i.error, "\"no such input\"");
}

TEST(ReadActivation, RefusesWhatIsNoRecord) {
  Invocation i;
  for (const auto* text : {"null", "[]", "{}", R"({"activationId":"x"})", R"({"activationId":"x","response":3})"}) {
    EXPECT_FALSE(read_activation(json::parse(text), i)) << text;
  }
  EXPECT_FALSE(i.has_record());
}

TEST(Invocation, SurvivesItsLineOfTheLog) {
  Invocation i;
  i.activation_id = "01";
  i.function = "f";
  i.loading_ms = 1.25;
  i.start_type = "warm";
  i.equals_reference = true;
  const auto back = invocation_from_json(json::parse(to_json(i).dump()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(i));
  EXPECT_EQ(back->largest_difference, std::nullopt);
}

TEST(Invocation, RefusesALineThatLacksAMember) {
  EXPECT_FALSE(invocation_from_json(json::parse(R"({"activation_id":"01"})")));
  EXPECT_FALSE(invocation_from_json(json()));
}

}  // namespace
}  // namespace instainfer::replay
