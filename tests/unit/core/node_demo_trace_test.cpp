// The demo's trace (tools/demo-trace) in the closed loop: what the policy alone makes of it, on the paper's models, in
// five containers' worth of memory for eight functions, with two stem cells.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <random>

#include "support/closed_loop.hpp"

namespace instainfer::testing {
namespace {

using namespace std::chrono_literals;
using namespace core;

struct Model {
  Duration load;
  Bytes bytes;
};
/// ptest01 to ptest08: AlexNet, VGG19, Inception, ResNet18, ResNet50, ResNet152, GoogLeNet, BERT.
using Models = std::array<Model, 8>;
/// As the paper has them in Python (policies.md, section 1).
constexpr Models kPaper{{{671ms, mebibytes(923)},
                         {2410ms, mebibytes(1648)},
                         {2281ms, mebibytes(957)},
                         {210ms, mebibytes(649)},
                         {486ms, mebibytes(907)},
                         {1180ms, mebibytes(1348)},
                         {1351ms, mebibytes(1027)},
                         {2078ms, mebibytes(1333)}}};
/// As a TorchScript worker has them: 1.3 x the size of the weights (32 bit), loaded at 300 MB/s after 0.3 s.
constexpr Model torchscript(std::int64_t mib) {
  return {std::chrono::milliseconds(300 + mib * 1049 / 300), mebibytes(mib * 13 / 10)};
}
constexpr Models kTorchScript{{torchscript(233), torchscript(548), torchscript(104), torchscript(45), torchscript(98),
                               torchscript(230), torchscript(50), torchscript(420)}};

/// 114 calls in five minutes; the second of each call inside its minute comes from the seed.
Workload demo_workload(std::uint64_t seed, const Models& models, Duration create) {
  std::ifstream file(std::string(INSTAINFER_SOURCE_DIR) + "/tools/demo-trace/invocations_per_minute.csv");
  Workload workload{.length = 6min, .create = create};
  for (std::uint32_t f = 0; f < 8; ++f) workload.functions.push_back({{f}, {1}, models[f].load, models[f].bytes, {}});
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<> inside(0, 60);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    unsigned function = 0;
    int minute = 0;
    int count = 0;
    const std::size_t comma = line.find(',', line.find(',') + 1);
    if (std::sscanf(line.c_str(), "ptest%u", &function) != 1) continue;
    if (std::sscanf(line.c_str() + comma, ",%d,%d", &minute, &count) != 2) continue;
    for (int i = 0; i < count; ++i) {
      workload.calls.push_back({TimePoint{from_seconds(60 * (minute - 1) + inside(random) + 10)}, {function - 1}});
    }
  }
  std::ranges::sort(workload.calls, {}, [](const LoopCall& c) { return c.at; });
  return workload;
}

NodeSettings demo_pool(bool preload, const std::string& planner) {
  NodeSettings settings{.user_memory = mebibytes(2047) * 5};
  settings.stem_cells = {{{1}, mebibytes(2047), 2}};
  settings.preload.enabled = preload;
  settings.preload.planner = planner;
  return settings;
}

struct Left {
  double median = 0;
  double worst = 0;
};
/// Share of the loading time without preloading that is left with it.
Left loading_left(const std::string& planner, const Models& models, Duration create) {
  std::vector<double> left;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    const Workload workload = demo_workload(seed, models, create);
    const LoopResult off = run_closed_loop(demo_pool(false, planner), workload);
    const LoopResult on = run_closed_loop(demo_pool(true, planner), workload);
    EXPECT_EQ(off.calls, 114U);
    EXPECT_EQ(on.answered, 114U);
    EXPECT_LE(on.containers_created, off.containers_created) << "seed " << seed;
    left.push_back(on.loading_seconds / off.loading_seconds);
  }
  std::ranges::sort(left);
  std::printf("%s: loading left %.2f in the median seed, %.2f in the worst\n", planner.c_str(), left[left.size() / 2],
              left.back());
  return {left[left.size() / 2], left.back()};
}

TEST(DemoTrace, PriorityRemovesMostOfTheLoadingTimeOfTorchScriptModels) {
  const Left left = loading_left("priority", kTorchScript, 300ms);
  EXPECT_LE(left.median, 0.45);
}

TEST(DemoTrace, KnapsackRemovesLoadingTimeOfTorchScriptModels) {
  const Left left = loading_left("knapsack", kTorchScript, 300ms);
  EXPECT_LE(left.median, 0.8);
}

TEST(DemoTrace, PriorityRemovesLoadingTimeOfThePapersModels) {
  const Left left = loading_left("priority", kPaper, 1430ms);
  EXPECT_LE(left.median, 0.8);
}

}  // namespace
}  // namespace instainfer::testing
