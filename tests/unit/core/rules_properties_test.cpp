// The six rules of design.md section 4 over random event sequences. Rule 4 has its closed loop (rules_waste_test.cpp).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules_world.hpp"

namespace instainfer::core::testing {
namespace {

using namespace instainfer::literals;
using namespace std::chrono_literals;

constexpr int kSeeds = 2400;
constexpr int kEventsPerSeed = 150;

/// Settings vary with the seed, so that each planner, pauses, stem cells and tight memory are all met.
NodeSettings settings_for(std::uint64_t seed) {
  constexpr const char* kPlanners[] = {"priority", "knapsack", "none"};
  NodeSettings settings{.user_memory = mebibytes(1024 + 512 * static_cast<std::int64_t>(seed % 4))};
  settings.preload.planner = kPlanners[seed % 3];
  settings.preload.arrival_model = seed % 2 == 0 ? "gamma-poisson" : "window-poisson";
  settings.preload.concurrent_loads = 1 + static_cast<int>(seed % 3);
  settings.keep_alive_settings.pause_grace = seed % 4 == 1 ? Duration(1s) : Duration{};
  settings.keep_alive_settings.idle_container = seed % 5 == 0 ? Duration(5s) : Duration(60s);
  settings.one_function_per_container = seed % 11 == 10;
  if (seed % 2 == 1) settings.stem_cells = {{{1}, 256_MiB, 1}};
  return settings;
}

std::string report(std::uint64_t seed, const RandomWorld& world) {
  return "seed " + std::to_string(seed) + ": " + world.checker().violations().front();
}

TEST(Rules, HoldOverRandomEventSequences) {
  int events = 0;
  std::uint64_t preloaded = 0;
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RandomWorld world(seed, settings_for(seed));
    world.run(kEventsPerSeed);
    events += world.events_sent();
    preloaded += world.node().counters().preloads_used;
    refused += world.node().counters().refused_steps;
    ASSERT_TRUE(world.checker().violations().empty()) << report(seed, world);
    ASSERT_EQ(world.node().memory_granted(), world.checker().granted()) << "seed " << seed;
  }
  EXPECT_GE(events, 300000);
  EXPECT_GT(preloaded, 100U) << "the sequences must reach promotions";
  RecordProperty("events", events);
  RecordProperty("preloads_used", static_cast<int>(preloaded));
  RecordProperty("refused_steps", static_cast<int>(refused));
}

TEST(Rules, TheSameEventsGiveTheSameCommands) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    RandomWorld first(seed, settings_for(seed));
    RandomWorld second(seed, settings_for(seed));
    first.run(kEventsPerSeed);
    second.run(kEventsPerSeed);
    ASSERT_EQ(first.trace(), second.trace()) << "seed " << seed;
  }
}

/// Runs seeds until the checker reports `rule`; true if it did.
bool checker_reports(const std::string& rule, const Tamper& tamper) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomWorld world(seed, settings_for(seed), tamper);
    world.run(kEventsPerSeed);
    for (const std::string& violation : world.checker().violations()) {
      if (violation.starts_with(rule)) return true;
    }
  }
  return false;
}

template <typename C>
C* first(Commands& commands) {
  for (Command& command : commands) {
    if (C* c = std::get_if<C>(&command)) return c;
  }
  return nullptr;
}

TEST(RuleChecker, ReportsACallThatIsStartedTwice) {
  EXPECT_TRUE(checker_reports("rule 1", [](Commands& commands, const Node&) {
    if (const auto* start = first<StartActivation>(commands)) commands.push_back(StartActivation(*start));
  }));
}

TEST(RuleChecker, ReportsACallThatIsAnsweredTwice) {
  EXPECT_TRUE(checker_reports("rule 1", [](Commands& commands, const Node&) {
    if (const auto* start = first<StartActivation>(commands)) {
      commands.push_back(RejectActivation{start->activation, "again"});
    }
  }));
}

TEST(RuleChecker, ReportsACallThatIsNeverAnswered) {
  EXPECT_TRUE(checker_reports("rule 1", [](Commands& commands, const Node&) {
    std::erase_if(commands, [](const Command& c) { return std::holds_alternative<RejectActivation>(c); });
  }));
}

TEST(RuleChecker, ReportsOverbookedNodeMemory) {
  EXPECT_TRUE(checker_reports("rule 2", [](Commands& commands, const Node&) {
    if (auto* create = first<CreateContainer>(commands)) create->memory_limit += 900_MiB;
  }));
}

TEST(RuleChecker, ReportsPreloadsBeyondAContainersRoom) {
  EXPECT_TRUE(checker_reports("rule 2", [](Commands& commands, const Node&) {
    const auto* load = first<PreloadFunction>(commands);
    if (load == nullptr) return;
    for (std::uint32_t other = 0; other < 8; ++other) {
      commands.push_back(PreloadFunction{load->container, {other}, PreloadLevel::initialised});
    }
  }));
}

TEST(RuleChecker, ReportsCodeOfAnotherNamespace) {
  EXPECT_TRUE(checker_reports("rule 3", [](Commands& commands, const Node&) {
    if (auto* load = first<PreloadFunction>(commands)) load->function.value = (load->function.value + 1) % 9;
  }));
}

TEST(RuleChecker, ReportsAReusedContainerOfAnotherNamespace) {
  EXPECT_TRUE(checker_reports("rule 3", [](Commands& commands, const Node&) {
    auto* start = first<StartActivation>(commands);
    if (start != nullptr && start->start == StartType::warm) start->function.value = (start->function.value + 1) % 9;
  }));
}

TEST(RuleChecker, ReportsAPreloadIntoABusyContainer) {
  EXPECT_TRUE(checker_reports("rule 5", [](Commands& commands, const Node&) {
    const auto* start = first<StartActivation>(commands);
    if (start == nullptr) return;
    const PreloadFunction load{start->container, {(start->function.value + 3) % 9}, PreloadLevel::initialised};
    commands.push_back(load);
  }));
}

TEST(RuleChecker, ReportsARequestHandedOverWhileOthersLive) {
  EXPECT_TRUE(checker_reports("rule 5", [](Commands& commands, const Node&) {
    std::erase_if(commands, [](const Command& c) {
      const auto* offload = std::get_if<OffloadFunction>(&c);
      return offload != nullptr && offload->by_promotion;
    });
  }));
}

}  // namespace
}  // namespace instainfer::core::testing
