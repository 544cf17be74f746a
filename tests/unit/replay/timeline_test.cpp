#include "timeline.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace instainfer::replay {
namespace {

using nlohmann::json;

json status() {
  return json::parse(R"({
    "memory": {"user_bytes": 100, "granted_bytes": 60, "used_bytes": 20, "peak_granted_bytes": 60},
    "containers": [
      {"id": 1, "kind": "torchscript:1", "state": "idle", "limit_bytes": 50, "used_bytes": 9, "own": "guest/f1",
       "holds": [{"function": "guest/f2", "state": "ready", "level": "initialised", "bytes": 5}]},
      {"id": 2, "kind": "torchscript:1", "state": "prewarmed", "limit_bytes": 50, "used_bytes": 1, "own": null, "holds": []}],
    "counters": {"containers_created": 3},
    "usage": {"container_seconds": 1.5, "wasted_byte_seconds": 8, "peak_bytes": 70}})");
}

TEST(Timeline, HasARowForEachThingHeldAndOneForTheNode) {
  const auto rows = timeline_rows(status(), 2.5);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].container, "node");
  EXPECT_EQ(rows[0].bytes, 60);
  EXPECT_EQ(rows[1].function, "guest/f2");
  EXPECT_EQ(rows[1].level, "initialised");
  EXPECT_EQ(rows[1].bytes, 5);
  EXPECT_EQ(rows[2].function, "guest/f1");
  EXPECT_EQ(rows[2].state, "own");
  EXPECT_EQ(rows[3].container, "2");
  EXPECT_EQ(rows[3].function, "");
}

TEST(Timeline, ShowsTheContainersOwnFunctionOnce) {
  auto own_held = status();
  own_held["containers"][0]["holds"][0]["function"] = "guest/f1";
  const auto rows = timeline_rows(own_held, 0);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].state, "own");
  EXPECT_EQ(rows[1].bytes, 5);
}

TEST(Timeline, SurvivesItsFile) {
  const auto rows = timeline_rows(status(), 2.5);
  const auto back = parse_timeline(timeline_csv(rows), "timeline.csv");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, rows);
}

TEST(Timeline, RefusesAnotherTable) {
  EXPECT_FALSE(parse_timeline("a,b\n1,2\n", "timeline.csv"));
}

TEST(Timeline, OfAnEmptyStatusHasOnlyTheNode) {
  EXPECT_EQ(timeline_rows(json::object(), 0).size(), 1U);
}

TEST(NodeUsage, IsReadFromTheStatus) {
  const auto usage = node_usage(status());
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->containers_created, 3);
  EXPECT_EQ(usage->container_seconds, 1.5);
  EXPECT_EQ(usage->peak_bytes, 70);
}

TEST(NodeUsage, NamesWhatIsMissingInsteadOfGuessing) {
  auto without = status();
  without["usage"].erase("container_seconds");
  const auto usage = node_usage(without);
  ASSERT_FALSE(usage);
  EXPECT_EQ(usage.error().message, "the node's /status has no number usage.container_seconds");
}

}  // namespace
}  // namespace instainfer::replay
