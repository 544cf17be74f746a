// Rule 4 of design.md section 4: preloading never costs containers. Statistical, in a closed loop: 30 pinned seeds x 3
// arrival classes x 3 pool sizes, three namespaces, each seed with preloading off and on. Every seed is reported in
// rule4_<planner>.txt in the build folder.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>

#include "support/closed_loop.hpp"

namespace instainfer::testing {
namespace {

using namespace std::chrono_literals;
using namespace core;

constexpr int kSeeds = 30;
constexpr Duration kLength = 30min;
constexpr std::int64_t kPools[] = {5, 8, 12};  // containers' worth of memory, for 18 functions
constexpr ArrivalClass kClasses[] = {ArrivalClass::predictable, ArrivalClass::normal, ArrivalClass::bursty};

NodeSettings a_pool(std::int64_t containers, bool preload, const std::string& planner) {
  NodeSettings settings{.user_memory = mebibytes(2047) * containers};
  settings.stem_cells = {{{1}, mebibytes(2047), 2}};
  settings.preload.enabled = preload;
  settings.preload.planner = planner;
  return settings;
}

/// What one cell (class x pool) adds up to over its seeds.
struct Sum {
  double created = 0;
  double container_seconds = 0;
  double loading = 0;
  double wait = 0;
  std::map<NamespaceId, double> mean_loading;

  void add(const LoopResult& r) {
    created += r.containers_created;
    container_seconds += r.container_seconds;
    loading += r.loading_seconds;
    wait += r.wait_seconds;
    for (const auto& [ns, mean] : r.mean_loading) mean_loading[ns] += mean;
  }
};

/// Which parts of rule 4 do not hold in this cell; empty if all do.
std::string breach(const Sum& off, const Sum& on) {
  std::string found;
  if (on.created > off.created) found += " more containers created;";
  if (on.container_seconds > 1.01 * off.container_seconds) found += " more container-seconds;";
  for (const auto& [ns, mean] : off.mean_loading) {
    if (on.mean_loading.at(ns) > mean) found += " slower start-ups in namespace " + std::to_string(ns.value) + ";";
  }
  return found;
}

std::string row(const std::string& name, const Sum& off, const Sum& on, int seeds) {
  char text[256];
  std::snprintf(
      text, sizeof text,
      "%-28s created %8.1f -> %8.1f   container-s %9.0f -> %9.0f   loading-s %9.1f -> %9.1f (%+.0f %%)   wait-s "
      "%9.1f -> %9.1f\n",
      name.c_str(), off.created / seeds, on.created / seeds, off.container_seconds / seeds,
      on.container_seconds / seeds, off.loading / seeds, on.loading / seeds,
      100 * (on.loading - off.loading) / off.loading, off.wait / seeds, on.wait / seeds);
  return text;
}

class ZeroWaste : public ::testing::TestWithParam<const char*> {};

TEST_P(ZeroWaste, PreloadingCostsNoContainersAndNoNamespace) {
  const std::string planner = GetParam();
  std::ofstream table(std::string(INSTAINFER_BINARY_DIR) + "/rule4_" + planner + ".txt");
  for (const ArrivalClass arrivals : kClasses) {
    for (const std::int64_t pool : kPools) {
      Sum off;
      Sum on;
      const std::string cell = to_string(arrivals) + ", pool " + std::to_string(pool);
      for (int seed = 1; seed <= kSeeds; ++seed) {
        const Workload workload = make_workload(static_cast<std::uint64_t>(seed), arrivals, kLength);
        const LoopResult without = run_closed_loop(a_pool(pool, false, planner), workload);
        const LoopResult with = run_closed_loop(a_pool(pool, true, planner), workload);
        Sum off_once;
        Sum on_once;
        for (Sum* sum : {&off, &off_once}) sum->add(without);
        for (Sum* sum : {&on, &on_once}) sum->add(with);
        table << row(cell + ", seed " + std::to_string(seed), off_once, on_once, 1);
      }
      const std::string summary = row(cell, off, on, kSeeds);
      table << summary;
      std::printf("%s", summary.c_str());
      EXPECT_EQ(breach(off, on), "") << cell;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Planners, ZeroWaste, ::testing::Values("priority", "knapsack"),
                         [](const auto& info) { return std::string(info.param); });

TEST(ZeroWasteCheck, ReportsANodeThatGetsLessOutOfItsContainers) {
  Sum off;
  Sum on;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Workload workload = make_workload(seed, ArrivalClass::normal, kLength);
    off.add(run_closed_loop(a_pool(12, false, "none"), workload));
    on.add(run_closed_loop(a_pool(5, false, "none"), workload));  // the injected fault: preloading eats the pool
  }
  EXPECT_NE(breach(off, on).find("more containers created"), std::string::npos);
  EXPECT_NE(breach(off, on).find("slower start-ups"), std::string::npos);
}

TEST(ClosedLoop, AnswersEveryCallThatHasTheTimeFor) {
  const Workload workload = make_workload(1, ArrivalClass::predictable, kLength);
  const LoopResult result = run_closed_loop(a_pool(8, true, "knapsack"), workload);
  EXPECT_EQ(result.calls, workload.calls.size());
  EXPECT_GE(result.answered + 20, result.calls) << "only what arrived at the very end may be open";
  EXPECT_EQ(result.counters.refused_steps, 0U);
  EXPECT_EQ(result.counters.unknown_events, 0U);
}

}  // namespace
}  // namespace instainfer::testing
