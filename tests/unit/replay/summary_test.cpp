#include "summary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "instainfer/base/files.hpp"
#include "run_folder.hpp"
#include "table.hpp"

namespace instainfer::replay {
namespace {

using nlohmann::json;
using Runs = std::vector<Run>;  // inside a test, Run is a member of testing::Test

Invocation call(std::string start_type, double loading_ms) {
  Invocation i;
  i.function = "f";
  i.start_type = std::move(start_type);
  i.loading_ms = loading_ms;
  i.end_to_end_ms = loading_ms + 10;
  i.status = "success";
  i.equals_reference = true;
  i.largest_difference = 1e-6;
  return i;
}

Run a_run(std::string mode, long seed, std::vector<Invocation> invocations) {
  Run run;
  run.label = {.mode = std::move(mode), .planner = {}, .seed = seed, .speed = 1};
  if (run.label.mode == "on") run.label.planner = "priority";
  run.invocations = std::move(invocations);
  run.usage = NodeUsage{.containers_created = 2, .container_seconds = 100, .wasted_byte_seconds = 5, .peak_bytes = 9};
  run.duration_s = 60;
  return run;
}

/// A checker of the part of JSON Schema that proto/summary.schema.json uses: type, required, properties,
/// additionalProperties, items, enum, minimum, $ref into $defs.
class SchemaCheck {
 public:
  explicit SchemaCheck(json schema) : root_(std::move(schema)) {}
  std::string violation(const json& value) const { return violation(value, root_, "summary"); }

 private:
  static bool has_type(const json& value, const json& type) {
    if (type.is_array()) return std::ranges::any_of(type, [&](const json& one) { return has_type(value, one); });
    if (type == "integer") return value.is_number_integer() || (value.is_number() && value == value.get<long>());
    if (type == "number") return value.is_number();
    if (type == "null") return value.is_null();
    return type == std::string(value.type_name());
  }

  std::string violation(const json& value, const json& schema, const std::string& where) const {
    if (schema.contains("$ref")) {
      const auto name = schema["$ref"].get<std::string>().substr(std::string("#").size());
      return violation(value, root_.at(json::json_pointer(name)), where);
    }
    if (schema.contains("type") && !has_type(value, schema["type"])) return where + " is not " + schema["type"].dump();
    if (schema.contains("enum") && !std::ranges::count(schema["enum"], value)) return where + " is none of the values";
    if (schema.contains("minimum") && value.is_number() && value < schema["minimum"]) return where + " is too small";
    for (const auto& name : schema.value("required", json::array())) {
      if (!value.contains(name)) return where + " lacks " + name.get<std::string>();
    }
    return violation_inside(value, schema, where);
  }

  std::string violation_inside(const json& value, const json& schema, const std::string& where) const {
    if (value.is_array() && schema.contains("items")) {
      for (const auto& item : value) {
        if (auto wrong = violation(item, schema["items"], where + "[]"); !wrong.empty()) return wrong;
      }
    }
    if (!value.is_object()) return {};
    const auto properties = schema.value("properties", json::object());
    for (const auto& [key, member] : value.items()) {
      const auto known = properties.contains(key);
      if (!known && schema.value("additionalProperties", json(true)) == false)
        return where + " has the unknown member " + key;
      const auto& inner = known ? properties[key] : schema.value("additionalProperties", json(true));
      if (!inner.is_object()) continue;
      if (auto wrong = violation(member, inner, where + "." + key); !wrong.empty()) return wrong;
    }
    return {};
  }

  json root_;
};

SchemaCheck schema() {
  return SchemaCheck(json::parse(*read_file(std::string(INSTAINFER_SOURCE_DIR) + "/proto/summary.schema.json")));
}

TEST(Summary, CountsStartsAndDescribesTimes) {
  auto failed = call("cold", 400);
  failed.status = "application error";
  failed.equals_reference.reset();
  const auto summary =
      summarise(a_run("on", 1, {call("warm", 1), call("preloaded", 3), call("preloading", 100), failed}));
  EXPECT_EQ(summary["invocations"], 4);
  EXPECT_EQ(summary["succeeded"], 3);
  EXPECT_EQ(summary["results_equal_reference"], true);
  EXPECT_EQ(summary["start_types"]["warm"], 1);
  EXPECT_EQ(summary["start_types"]["prewarmed"], 0);
  EXPECT_EQ(summary["slow_starts"], 2);
  EXPECT_EQ(summary["loading_ms"]["total"], 504);
  EXPECT_EQ(summary["loading_ms"]["p50"], 3);
  EXPECT_EQ(summary["containers_created"], 2);
}

TEST(Summary, OneWrongResultOrNoneComparedIsNotEqual) {
  auto wrong = call("warm", 1);
  wrong.equals_reference = false;
  EXPECT_EQ(summarise(a_run("on", 1, {call("warm", 1), wrong}))["results_equal_reference"], false);
  EXPECT_EQ(summarise(a_run("on", 1, {}))["results_equal_reference"], false);
}

TEST(Summary, LeavesCallsWithoutARecordOutOfTheTimes) {
  Invocation lost;
  lost.status = "no answer";
  lost.end_to_end_ms = 99999;
  const auto summary = summarise(a_run("off", 1, {call("cold", 10), lost}));
  EXPECT_EQ(summary["invocations"], 2);
  EXPECT_EQ(summary["succeeded"], 1);
  EXPECT_EQ(summary["end_to_end_ms"]["p99"], 20);
}

TEST(Summary, ComparesOnWithOff) {
  const auto all = summarise_all({a_run("off", 1, {call("cold", 100), call("cold", 100)}),
                                  a_run("on", 1, {call("cold", 100), call("preloaded", 0)})});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)["comparison"]["loading_total_reduction_percent"]["median"], 50);
  EXPECT_EQ((*all)["comparison"]["slow_starts_reduction_percent"]["worst"], 50);
  EXPECT_FALSE(all->contains("seeds"));
  EXPECT_EQ(schema().violation(*all), "");
}

TEST(Summary, OfSeveralSeedsShowsTheMedianAndTheWorst) {
  Runs runs;
  for (const auto& [seed, loading] : {std::pair(1L, 10.0), std::pair(2L, 50.0), std::pair(3L, 20.0)}) {
    runs.push_back(a_run("off", seed, {call("cold", 100)}));
    runs.push_back(a_run("on", seed, {call("preloaded", loading)}));
  }
  const auto all = summarise_all(runs);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)["seed"], 3);
  EXPECT_EQ((*all)["seeds"].size(), 3U);
  EXPECT_EQ((*all)["modes"]["on"]["loading_ms"]["total"], 20);
  EXPECT_EQ((*all)["comparison"]["loading_total_reduction_percent"]["median"], 80);
  EXPECT_EQ((*all)["comparison"]["loading_total_reduction_percent"]["worst"], 50);
  EXPECT_EQ(schema().violation(*all), "");
}

TEST(Summary, OfSeveralPlannersHasEachBesideTheOther) {
  auto knapsack = a_run("on", 1, {call("preloaded", 5)});
  knapsack.label.planner = "knapsack";
  const auto all =
      summarise_all({a_run("off", 1, {call("cold", 100)}), a_run("on", 1, {call("preloaded", 10)}), knapsack});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)["modes"]["on"]["planner"], "priority");
  EXPECT_EQ((*all)["planners"]["knapsack"]["modes"]["on"]["loading_ms"]["total"], 5);
  EXPECT_EQ(schema().violation(*all), "");
}

TEST(Summary, RefusesRunsThatDoNotFitTogether) {
  const auto twice = summarise_all({a_run("off", 1, {}), a_run("off", 1, {})});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "two runs of mode off with seed 1; merge only one of them");
  const auto unpaired = summarise_all({a_run("off", 1, {}), a_run("on", 2, {})});
  ASSERT_FALSE(unpaired);
  EXPECT_EQ(unpaired.error().message, "seed 1 was not replayed both off and on (planner priority)");
  EXPECT_FALSE(summarise_all({}));
}

TEST(ComparisonTable, ShowsBothSidesAndTheChange) {
  const auto all = summarise_all({a_run("off", 1, {call("cold", 100)}), a_run("on", 1, {call("preloaded", 25)})});
  const auto text = comparison_table(*all);
  EXPECT_NE(text.find("priority"), std::string::npos) << text;
  EXPECT_NE(text.find("100.0         25.0    -75.0 %"), std::string::npos) << text;
}

TEST(AllRight, IsFalseIfOneCallOfOneSeedFailedOrDiffers) {
  Runs runs = {a_run("off", 1, {call("cold", 100)}), a_run("on", 1, {call("warm", 1)}),
               a_run("off", 2, {call("cold", 100)}), a_run("on", 2, {call("warm", 1)})};
  EXPECT_TRUE(all_right(*summarise_all(runs)));
  runs[3].invocations[0].equals_reference = false;
  EXPECT_FALSE(all_right(*summarise_all(runs)));
  runs[3].invocations[0].equals_reference = true;
  runs[0].invocations[0].status = "application error";
  EXPECT_FALSE(all_right(*summarise_all(runs)));
}

TEST(SummarySchema, RefusesASummaryThatLacksAFigure) {
  auto all = *summarise_all({a_run("off", 1, {call("cold", 100)})});
  all["modes"]["off"]["loading_ms"].erase("p95");
  EXPECT_EQ(schema().violation(all), "summary.modes.off.loading_ms lacks p95");
}

TEST(RunFolder, GivesBackWhatWasWritten) {
  const TemporaryDirectory folder;
  const auto run = a_run("on", 4, {call("warm", 1.5), call("cold", 300)});
  ASSERT_TRUE(write_run(folder.path() / "run", run));
  const auto back = read_run(folder.path() / "run");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(summarise(*back), summarise(run));
  EXPECT_EQ(back->label.seed, 4);
}

TEST(RunFolder, NamesTheLineOfABrokenLog) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_run(folder.path(), a_run("on", 1, {call("warm", 1)})));
  const auto log = *read_file(folder.path() / "output.log");
  ASSERT_TRUE(write_file_atomically(folder.path() / "output.log", log + "{\"half\n"));
  const auto back = read_run(folder.path());
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("output.log line 2"), std::string::npos) << back.error().message;
}

TEST(RunFolder, OverviewHasTheSummaryAndASelfContainedPage) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(
      write_overview(folder.path(), {a_run("off", 1, {call("cold", 100)}), a_run("on", 1, {call("preloaded", 1)})}));
  EXPECT_EQ(schema().violation(json::parse(*read_file(folder.path() / "summary.json"))), "");
  const auto page = *read_file(folder.path() / "report.html");
  EXPECT_NE(page.find("preloading on, priority"), std::string::npos);
  EXPECT_EQ(page.find("__DATA__"), std::string::npos);
  EXPECT_EQ(page.find("src=\"http"), std::string::npos);
}

}  // namespace
}  // namespace instainfer::replay
