#include "activation_record.hpp"

#include <gtest/gtest.h>

#include "builders.hpp"

namespace instainfer::invoker {
namespace {

using namespace std::chrono_literals;

const openwhisk::Json* annotation(const openwhisk::Activation& record, std::string_view key) {
  return openwhisk::find_value(record.annotations, key);
}

struct RecordTest : ::testing::Test {
  RecordTest() {
    function.ns = "guest";
    function.action = testing::an_action("f");
    outcome.work_start = EpochMillis(1040ms);
    outcome.run_start = EpochMillis(1140ms);
    outcome.end = EpochMillis(1150ms);
    outcome.init = 95ms;
    outcome.loading = Duration(140'250us);
    outcome.start = core::StartType::cold;
  }
  Function function;
  openwhisk::ActivationMessage message = testing::a_message("f");
  Outcome outcome;
};

TEST_F(RecordTest, DurationIsInitPlusRunWithoutTheGapBetweenThem) {
  const auto record = make_record(function, message, outcome);
  EXPECT_EQ(record.start, EpochMillis(1045ms));
  EXPECT_EQ(record.duration, 105);
  EXPECT_EQ(*annotation(record, "initTime"), 95);
  EXPECT_EQ(*annotation(record, "waitTime"), 40);
}

TEST_F(RecordTest, InitTimeIsAbsentUnlessTheActivationWaitedForAnInit) {
  outcome.init.reset();
  outcome.start = core::StartType::preloaded;
  const auto record = make_record(function, message, outcome);
  EXPECT_EQ(annotation(record, "initTime"), nullptr);
  EXPECT_EQ(*annotation(record, "startupType"), "preloaded");
}

TEST_F(RecordTest, LoadTimeKeepsMicroseconds) {
  EXPECT_DOUBLE_EQ(annotation(make_record(function, message, outcome), "loadTime")->get<double>(), 140.25);
}

TEST_F(RecordTest, AnActivationThatWasNeverHandedOverHasNoLoadTime) {
  outcome.loading.reset();
  EXPECT_EQ(annotation(make_record(function, message, outcome), "loadTime"), nullptr);
}

TEST_F(RecordTest, AFailureBeforeAContainerHasNeitherLimitsNorWaitTime) {
  const auto record = make_failed_record(message, nullptr, openwhisk::StatusCode::whisk_error, "gone", EpochMillis(2s));
  EXPECT_EQ(record.response.result, (openwhisk::Json{{"error", "gone"}}));
  EXPECT_EQ(*annotation(record, "kind"), "unknown");
  EXPECT_EQ(annotation(record, "limits"), nullptr);
  EXPECT_EQ(annotation(record, "waitTime"), nullptr);
}

}  // namespace
}  // namespace instainfer::invoker
