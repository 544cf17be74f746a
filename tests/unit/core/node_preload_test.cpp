// Preloads as the node carries them out: where a call goes, what dies before it runs, what is accounted.

#include <algorithm>

#include "node_fixture.hpp"

namespace instainfer::core::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr FunctionId kF{1};
constexpr FunctionId kG{2};
constexpr FunctionId kH{3};

ActivationKey key(std::uint64_t k) {
  return {k};
}

/// Alice's f, g and h, 2 s to load and 50 MiB each, and one idle container that is warm for f.
class NodePreload : public ::testing::Test {
 protected:
  explicit NodePreload(NodeSettings settings = a_node(512_MiB)) : t(with_loads(std::move(settings))) {
    t.add(kF, a_function(), a_profile(2s, 50_MiB));
    t.add(kG, a_function(), a_profile(2s, 50_MiB));
    t.add(kH, a_function(), a_profile(2s, 50_MiB));
    bin = t.run(key(1), kF, 100ms, 60_MiB);
  }
  static NodeSettings with_loads(NodeSettings settings) {
    settings.preload.concurrent_loads = 2;
    settings.preload.arrival.p_load = 0;  // wanted at once, so that the tests need no waiting
    return settings;
  }
  /// g and h are loaded into the idle container.
  void load_both() {
    ASSERT_THAT(t.all<PreloadFunction>(), SizeIs(2));
    for (const auto& load : t.all<PreloadFunction>()) {
      t.node->handle(t.now, PreloadReady{load.container, load.function, PreloadLevel::initialised, 2s, 50_MiB});
    }
  }
  std::ptrdiff_t position(const auto& matches) const {
    return std::ranges::find_if(t.commands, matches) - t.commands.begin();
  }
  std::ptrdiff_t position_of_start() const {
    return position([](const Command& c) { return std::holds_alternative<StartActivation>(c); });
  }

  NodeUnderTest t;
  ContainerId bin;
};

TEST_F(NodePreload, LoadsTheOthersIntoTheIdleContainer) {
  const auto loads = t.all<PreloadFunction>();
  ASSERT_THAT(loads, SizeIs(2));
  EXPECT_EQ(loads[0].container, bin);
  EXPECT_EQ(loads[0].level, PreloadLevel::initialised);
  EXPECT_THAT(t.all<CreateContainer>(), IsEmpty());
}

// policies.md 5.7, "Kill before run".
TEST_F(NodePreload, APromotionAnnouncesTheDeathOfAllOthersBeforeTheStart) {
  load_both();
  t.send(ActivationArrived{key(2), kG});
  const auto start = t.the<StartActivation>();
  EXPECT_EQ(start.container, bin);
  EXPECT_EQ(start.start, StartType::preloaded);
  EXPECT_EQ(start.level, PreloadLevel::initialised);
  EXPECT_FALSE(start.init);
  const auto offload = t.the<OffloadFunction>();
  EXPECT_EQ(offload.function, kH);
  EXPECT_TRUE(offload.by_promotion);
  EXPECT_LT(position([](const Command& c) { return std::holds_alternative<OffloadFunction>(c); }), position_of_start());
  EXPECT_EQ(t.container(bin).own, kG);
  EXPECT_EQ(t.node->counters().preloads_used, 1U);
  EXPECT_EQ(t.node->counters().preloads_dropped, 1U);
}

TEST_F(NodePreload, AWarmCallKillsThePreloadsOfItsContainerToo) {
  load_both();
  t.send(ActivationArrived{key(2), kF});
  EXPECT_EQ(t.the<StartActivation>().start, StartType::warm);
  EXPECT_THAT(t.all<OffloadFunction>(), SizeIs(2));
  EXPECT_THAT(t.container(bin).holds, IsEmpty());
}

TEST_F(NodePreload, NothingIsLoadedWhileACallRunsAndAllOfItAgainAfterwards) {
  load_both();
  t.send(ActivationArrived{key(2), kF});
  EXPECT_THAT(t.all<PreloadFunction>(), IsEmpty());
  t.send(ActivationStarted{key(2), bin, std::nullopt, {}});
  EXPECT_THAT(t.all<PreloadFunction>(), IsEmpty());
  t.after(10s, ActivationFinished{key(2), bin, true, 10s, 60_MiB});
  EXPECT_THAT(t.all<PreloadFunction>(), SizeIs(2));
}

TEST_F(NodePreload, ACallForAFunctionThatIsBeingLoadedJoinsTheLoad) {
  const auto loads = t.all<PreloadFunction>();
  ASSERT_THAT(loads, SizeIs(2));
  t.after(500ms, ActivationArrived{key(2), loads[0].function});
  const auto start = t.the<StartActivation>();
  EXPECT_EQ(start.start, StartType::preloading);
  EXPECT_EQ(start.level, PreloadLevel::none);
  EXPECT_FALSE(start.init);
  EXPECT_EQ(t.the<OffloadFunction>().function, loads[1].function) << "the other load dies";
  const auto before = t.node->counters().unknown_events;
  t.send(PreloadReady{bin, loads[1].function, PreloadLevel::initialised, 1s, 50_MiB});
  EXPECT_EQ(t.node->counters().unknown_events, before + 1) << "a killed load has no outcome any more";
}

TEST_F(NodePreload, WhatIsDroppedUnusedIsAccountedAsWaste) {
  load_both();
  t.after(10s, ActivationArrived{key(2), kG});
  EXPECT_NEAR(t.node->counters().wasted_byte_seconds, 50.0 * 1024 * 1024 * 10, 1);
  EXPECT_EQ(t.node->counters().preload_time, Duration(4s));
}

TEST_F(NodePreload, AnotherNamespaceNeverGetsIn) {
  load_both();
  const FunctionId theirs{9};
  t.add(theirs, a_function(kBob), a_profile(2s, 50_MiB));
  t.send(ActivationArrived{key(2), theirs});
  EXPECT_EQ(t.the<RemoveContainer>().container, bin);
  EXPECT_THAT(t.all<PreloadFunction>(), IsEmpty());
}

TEST_F(NodePreload, AWorkerThatDiesIsForgottenAndItsContainerStays) {
  load_both();
  t.send(PreloadFailed{bin, kG, "out of memory"});
  EXPECT_THAT(t.container(bin).holds, SizeIs(1));
  EXPECT_EQ(t.container(bin).state, ContainerState::idle);
  EXPECT_THAT(t.all<PreloadFunction>(), IsEmpty()) << "backs off first";
}

TEST_F(NodePreload, AFailedWipeCostsTheContainer) {
  load_both();
  t.send(WipeFailed{bin});
  EXPECT_EQ(t.the<RemoveContainer>().reason, RemoveReason::wipe_failed);
  EXPECT_EQ(t.node->counters().preloads_dropped, 2U);
}

TEST_F(NodePreload, ARemovedFunctionIsOffloaded) {
  load_both();
  t.send(FunctionRemoved{kG});
  const auto offload = t.the<OffloadFunction>();
  EXPECT_EQ(offload.function, kG);
  EXPECT_FALSE(offload.by_promotion);
  t.send(Offloaded{bin, kG});
  EXPECT_THAT(t.container(bin).holds, SizeIs(1));
}

TEST_F(NodePreload, LessIsHeldWhenSizesTurnOutLargerThanTheRoom) {
  for (const auto& load : t.all<PreloadFunction>()) {
    t.send(PreloadReady{bin, load.function, PreloadLevel::initialised, 2s, 300_MiB});
  }
  EXPECT_THAT(t.all<OffloadFunction>(), SizeIs(1));
}

TEST_F(NodePreload, ThePreloadsOfAContainerDoNotProlongItsLife) {
  load_both();
  t.after(10min, Wake{});
  EXPECT_THAT(t.all<RemoveContainer>(), IsEmpty());
  t.after(1ns, Wake{});
  EXPECT_EQ(t.the<RemoveContainer>().reason, RemoveReason::idle_timeout);
}

class NodePreloadPaused : public NodePreload {
 protected:
  NodePreloadPaused() : NodePreload(pausing()) {}
  static NodeSettings pausing() {
    NodeSettings settings = a_node(512_MiB);
    settings.keep_alive_settings.pause_grace = 10s;
    return settings;
  }
};

TEST_F(NodePreloadPaused, AContainerIsNotPausedUnderALoadButAfterIt) {
  const auto loads = t.all<PreloadFunction>();
  ASSERT_THAT(loads, SizeIs(2));
  t.after(11s, Wake{});
  EXPECT_THAT(t.all<PauseContainer>(), IsEmpty());
  t.send(PreloadReady{bin, loads[0].function, PreloadLevel::initialised, 2s, 50_MiB});
  t.send(PreloadReady{bin, loads[1].function, PreloadLevel::initialised, 2s, 50_MiB});
  EXPECT_EQ(t.the<PauseContainer>().container, bin);
}

TEST_F(NodePreloadPaused, APausedBinIsResumedForALoadAndPausedAgainWithTheSameEndOfLife) {
  load_both();
  t.after(10s, Wake{});
  t.send(ContainerPaused{bin});
  const auto end = t.container(bin).remove_at;
  const FunctionId late{4};
  t.after(1s, FunctionAdded{late, a_function(), a_profile(2s, 50_MiB)});
  EXPECT_EQ(t.the<ResumeContainer>().container, bin);
  EXPECT_THAT(t.all<PreloadFunction>(), IsEmpty());
  t.send(ContainerResumed{bin});
  EXPECT_EQ(t.the<PreloadFunction>().function, late);
  t.send(PreloadReady{bin, late, PreloadLevel::initialised, 2s, 50_MiB});
  EXPECT_EQ(t.the<PauseContainer>().container, bin);
  t.send(ContainerPaused{bin});
  EXPECT_EQ(t.container(bin).remove_at, end);
  t.send(ActivationArrived{key(2), late});
  EXPECT_TRUE(t.the<StartActivation>().resume_first);
  EXPECT_EQ(t.the<StartActivation>().start, StartType::preloaded);
}

TEST(NodePreloadSettings, OneFunctionPerContainerLoadsNothingBesideTheOwner) {
  NodeSettings settings = a_node(512_MiB);
  settings.one_function_per_container = true;
  NodeUnderTest t(settings);
  t.add(kF, a_function(), a_profile(2s, 50_MiB));
  t.add(kG, a_function(), a_profile(2s, 50_MiB));
  t.run(key(1), kF);
  EXPECT_THAT(t.all<PreloadFunction>(), IsEmpty());
}

TEST(NodePreloadSettings, TheSwitchTurnsAllOfItOff) {
  NodeUnderTest t(a_node(512_MiB, false));
  t.add(kF, a_function(), a_profile(2s, 50_MiB));
  t.add(kG, a_function(), a_profile(2s, 50_MiB));
  t.run(key(1), kF);
  EXPECT_THAT(t.all<PreloadFunction>(), IsEmpty());
}

TEST(NodeProfile, LearnsLoadTimeSizePeakAndExecution) {
  NodeUnderTest t(a_node(1_GiB, false));
  FunctionSpec spec = a_function();
  spec.model_file = Bytes{300'000'000};
  t.add(kF, spec);
  ProfileSnapshot profile = *t.node->profile(kF, t.now);
  EXPECT_EQ(profile.loads, 0U);
  EXPECT_EQ(profile.load_time, Duration(1500ms)) << "300 MB at 300 MB/s, and half a second";
  EXPECT_EQ(profile.loaded_bytes, Bytes{390'000'000});
  t.run(key(1), kF, 200ms, 222_MiB);  // its init takes 1 s and 100 MiB
  profile = *t.node->profile(kF, t.now);
  EXPECT_EQ(profile.loads, 1U);
  EXPECT_EQ(profile.load_time, Duration(1s));
  EXPECT_EQ(profile.loaded_bytes, 100_MiB);
  EXPECT_EQ(profile.peak_bytes, 222_MiB);
  EXPECT_EQ(profile.execution_mean, Duration(200ms));
  EXPECT_EQ(profile.arrivals, 1U);
}

TEST(NodeProfile, AnEarlierLifeIsContinued) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function(), a_profile(2s, 50_MiB));
  t.run(key(1), kF);  // 1 s measured: 2 s + 0.3 x (1 s - 2 s)
  EXPECT_EQ(t.node->profile(kF, t.now)->load_time, Duration(1700ms));
}

}  // namespace
}  // namespace instainfer::core::testing
