#include "trace.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "instainfer/base/files.hpp"

namespace instainfer::replay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CsvTable table(std::string_view text) {
  return *parse_csv(text, "t.csv");
}

std::vector<TracedFunction> two_functions() {
  return *read_functions(table("function,hash_function\nf1,aa\nf2,bb\n"));
}

CsvTable demo_table(const std::string& name) {
  const auto file = std::string(INSTAINFER_SOURCE_DIR) + "/tools/demo-trace/" + name;
  return *parse_csv(*read_file(file), file);
}

TEST(Functions, ReadNamesModelsAndFiles) {
  const auto functions = read_functions(table("function,model,request,reference\nf1,AlexNet,a/r.json,a/ref.json\n"));
  ASSERT_TRUE(functions);
  ASSERT_EQ(functions->size(), 1U);
  EXPECT_EQ(functions->front().action, "f1");
  EXPECT_EQ(functions->front().model, "AlexNet");
  EXPECT_EQ(functions->front().request, "a/r.json");
  EXPECT_EQ(functions->front().reference, "a/ref.json");
}

TEST(Functions, RefuseAFunctionListedTwice) {
  const auto functions = read_functions(table("function\nf1\nf1\n"));
  ASSERT_FALSE(functions);
  EXPECT_EQ(functions.error().message, "t.csv line 3: function \"f1\" is listed twice");
}

TEST(Functions, RefuseAnEmptyList) {
  EXPECT_FALSE(read_functions(table("function\n")));
}

TEST(Counts, WideLayoutOfTheAzureTrace) {
  const auto counts = read_counts(
      table("HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a,bb,http,1,0,2\no,a,zz,http,9,9,9\n"), two_functions());
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_THAT(counts->counts, ElementsAre(ElementsAre(0, 0, 0), ElementsAre(1, 0, 2)));
  EXPECT_EQ(counts->rows_skipped, 1U);
}

TEST(Counts, LinesOfOtherFunctionsNeedNotBeRead) {
  const auto functions = two_functions();
  const auto kept = parse_csv("HashFunction,1\nzz,broken,line\nbb,4\naa,x\n", "t.csv", lines_of(functions));
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->left_out, 1U);
  const auto counts = read_counts(*kept, functions);
  ASSERT_FALSE(counts);
  EXPECT_THAT(counts.error().message, HasSubstr("t.csv line 4: \"x\""));
}

TEST(Counts, LongLayoutFillsMinutesThatAreMissing) {
  const auto counts = read_counts(table("function,minute,invocations\nf1,3,4\nf2,1,1\n"), two_functions());
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_THAT(counts->counts, ElementsAre(ElementsAre(0, 0, 4), ElementsAre(1, 0, 0)));
}

TEST(Counts, RefuseWhatIsNoNumberOfCalls) {
  const auto wide = read_counts(table("HashFunction,1\naa,-4\n"), two_functions());
  ASSERT_FALSE(wide);
  EXPECT_THAT(wide.error().message, HasSubstr("t.csv line 2: \"-4\" in column 1 is not a number of calls"));
  const auto longer = read_counts(table("function,minute,invocations\nf1,0,1\n"), two_functions());
  ASSERT_FALSE(longer);
  EXPECT_THAT(longer.error().message, HasSubstr("line 2: minute \"0\" is not a whole number from 1"));
}

TEST(Counts, RefuseATraceWithoutAnyListedFunction) {
  const auto counts = read_counts(table("HashFunction,1\nzz,4\n"), two_functions());
  ASSERT_FALSE(counts);
  EXPECT_THAT(counts.error().message, HasSubstr("no row of a function that the functions file lists"));
}

TEST(Counts, RefuseAnUnknownLayout) {
  const auto counts = read_counts(table("name,calls\nf1,4\n"), two_functions());
  ASSERT_FALSE(counts);
  EXPECT_THAT(counts.error().message, HasSubstr("has no column \"function\"; its columns are name, calls"));
}

TEST(Schedule, PlacesEachCallInItsMinuteInOrderOfTime) {
  const auto schedule = make_schedule({.counts = {{0, 3}, {2, 0}}}, 7);
  ASSERT_EQ(schedule.calls.size(), 5U);
  EXPECT_TRUE(std::ranges::is_sorted(schedule.calls, {}, &ScheduledCall::at));
  for (const auto& call : schedule.calls) {
    const auto minute = call.function == 0 ? 1 : 0;
    EXPECT_GE(call.at, std::chrono::minutes(minute));
    EXPECT_LT(call.at, std::chrono::minutes(minute + 1));
  }
  EXPECT_EQ(schedule.length, std::chrono::minutes(2));
}

TEST(Schedule, IsTheSameForTheSameSeedOnly) {
  const MinuteCounts counts{.counts = {{5, 5}}};
  EXPECT_EQ(make_schedule(counts, 3).calls, make_schedule(counts, 3).calls);
  EXPECT_NE(make_schedule(counts, 3).calls, make_schedule(counts, 4).calls);
}

TEST(Schedule, OfTheDemoTraceHas114CallsInBothLayouts) {
  const auto functions = read_functions(demo_table("functions.csv"));
  ASSERT_TRUE(functions) << functions.error().message;
  const auto wide = read_counts(demo_table("invocations_wide.csv"), *functions);
  const auto longer = read_counts(demo_table("invocations_per_minute.csv"), *functions);
  ASSERT_TRUE(wide) << wide.error().message;
  ASSERT_TRUE(longer) << longer.error().message;
  EXPECT_EQ(wide->counts, longer->counts);
  const auto schedule = make_schedule(*wide, 1);
  EXPECT_EQ(schedule.calls.size(), 114U);
  EXPECT_EQ(schedule.length, std::chrono::minutes(5));
}

TEST(Schedule, ExplicitTimesAreSorted) {
  const auto schedule = read_schedule(table("time,function\n2.5,f2\n1,f1\n"), two_functions());
  ASSERT_TRUE(schedule) << schedule.error().message;
  EXPECT_THAT(schedule->calls, ElementsAre(ScheduledCall{std::chrono::seconds(1), 0},
                                           ScheduledCall{std::chrono::milliseconds(2500), 1}));
}

TEST(Schedule, ExplicitTimesMustBeTimesOfListedFunctions) {
  const auto late = read_schedule(table("time,function\nsoon,f1\n"), two_functions());
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message, HasSubstr("line 2: \"soon\" is not a time"));
  const auto unknown = read_schedule(table("time,function\n1,f9\n"), two_functions());
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("function \"f9\" is not in the functions file"));
}

}  // namespace
}  // namespace instainfer::replay
