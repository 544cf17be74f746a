// The life of containers and activations with preloading off: OpenWhisk's behaviour (contract, section 5).

#include "node_fixture.hpp"

namespace instainfer::core::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr FunctionId kF{1};
constexpr FunctionId kG{2};

ActivationKey key(std::uint64_t k) {
  return {k};
}

TEST(NodeLifecycle, ColdStartCreatesAContainerThenInitialisesInIt) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  t.send(ActivationArrived{key(1), kF});
  const auto create = t.the<CreateContainer>();
  EXPECT_EQ(create.memory_limit, 512_MiB);
  EXPECT_EQ(create.ns, kAlice);
  t.after(300ms, ContainerCreated{create.container, 10_MiB});
  const auto start = t.the<StartActivation>();
  EXPECT_EQ(start.start, StartType::cold);
  EXPECT_TRUE(start.init);
  EXPECT_EQ(start.waited_for_memory, Duration{});
}

TEST(NodeLifecycle, ASecondCallFindsTheContainerWarm) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  const ContainerId c = t.run(key(1), kF);
  t.after(1s, ActivationArrived{key(2), kF});
  const auto start = t.the<StartActivation>();
  EXPECT_EQ(start.container, c);
  EXPECT_EQ(start.start, StartType::warm);
  EXPECT_FALSE(start.init);
  EXPECT_THAT(t.all<CreateContainer>(), IsEmpty());
}

// policies.md 4.1, worked example: arrivals 0, 5, 9, 21 min: cold at 0 and 21; idle 19 + 10 = 29 min.
TEST(NodeLifecycle, FixedKeepAliveGoesAfterTenIdleMinutes) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  const ContainerId first = t.run(key(1), kF);
  t.now = TimePoint{5min};
  EXPECT_EQ(t.run(key(2), kF), first);
  t.now = TimePoint{9min};
  EXPECT_EQ(t.run(key(3), kF), first);
  ASSERT_TRUE(t.node->wake());
  EXPECT_EQ(*t.node->wake(), TimePoint{19min} + 1ns);
  t.now = *t.node->wake();
  t.send(Wake{});
  EXPECT_EQ(t.the<RemoveContainer>().reason, RemoveReason::idle_timeout);
  t.send(ContainerRemoved{first});
  t.now = TimePoint{21min};
  EXPECT_NE(t.run(key(4), kF), first);
  EXPECT_EQ(t.node->counters().containers_created, 2U);
}

// policies.md 4.1: arrivals 0, 10 min: one cold start; an arrival at the very end still finds it warm.
TEST(NodeLifecycle, AnArrivalAtTheVeryEndOfTheIdleTimeWins) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  t.run(key(1), kF);
  t.now = TimePoint{10min};
  t.run(key(2), kF);
  EXPECT_EQ(t.node->counters().containers_created, 1U);
}

TEST(NodeLifecycle, WhatWasDueBeforeAnEventHappensBeforeItThoughNobodyWokeTheNode) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  const ContainerId old = t.run(key(1), kF);
  t.after(11min, ActivationArrived{key(2), kF});
  EXPECT_EQ(t.the<RemoveContainer>().container, old);
  EXPECT_THAT(t.all<CreateContainer>(), SizeIs(1));
}

// policies.md 4.1: pool 1024, idle A(512, t=1), B(256, t=2), C(256, t=3).
class NodeEviction : public ::testing::Test {
 protected:
  NodeEviction() : t(a_node(1024_MiB, false)) {
    t.add({1}, a_function(kAlice, 512_MiB));
    t.add({2}, a_function(kAlice, 256_MiB));
    t.add({3}, a_function(kAlice, 256_MiB));
    for (std::uint32_t f = 1; f <= 3; ++f) {
      t.now = TimePoint{std::chrono::seconds(f)};
      containers.push_back(t.run(key(f), {f}));
    }
  }
  NodeUnderTest t;
  std::vector<ContainerId> containers;
};

TEST_F(NodeEviction, RemovesTheLeastRecentlyUsedAndOnlyAsManyAsNeeded) {
  t.add({4}, a_function(kBob, 256_MiB));
  t.send(ActivationArrived{key(9), {4}});
  EXPECT_EQ(t.the<RemoveContainer>().container, containers[0]);
  EXPECT_EQ(t.the<RemoveContainer>().reason, RemoveReason::evicted);
}

TEST_F(NodeEviction, RemovesTwoIfOneDoesNotSuffice) {
  t.add({4}, a_function(kBob, 640_MiB));
  t.send(ActivationArrived{key(9), {4}});
  const auto removals = t.all<RemoveContainer>();
  ASSERT_THAT(removals, SizeIs(2));
  EXPECT_EQ(removals[0].container, containers[0]);
  EXPECT_EQ(removals[1].container, containers[1]);
}

TEST_F(NodeEviction, CreationWaitsUntilTheRemovedContainerIsGone) {
  t.add({4}, a_function(kBob, 256_MiB));
  t.send(ActivationArrived{key(9), {4}});
  EXPECT_THAT(t.all<CreateContainer>(), IsEmpty());
  EXPECT_EQ(t.node->memory_granted(), 1024_MiB);
  t.after(200ms, ContainerRemoved{containers[0]});
  const auto create = t.the<CreateContainer>();
  t.send(ContainerCreated{create.container, {}});
  EXPECT_EQ(t.the<StartActivation>().waited_for_memory, 200ms);
}

TEST_F(NodeEviction, RemovesNothingIfNotEnoughCanBeFreed) {
  t.send(ActivationArrived{key(8), {1}});  // A runs: at most 512 can be freed
  t.add({4}, a_function(kBob, 640_MiB));
  t.send(ActivationArrived{key(9), {4}});
  EXPECT_THAT(t.commands, IsEmpty());
  EXPECT_EQ(t.node->waiting(), 1U);
}

TEST(NodeWaiting, IsServedInOrderOfArrival) {
  NodeUnderTest t(a_node(512_MiB, false));
  t.add(kF, a_function());
  t.add(kG, a_function(kBob));
  t.send(ActivationArrived{key(1), kF});
  const ContainerId c = t.the<CreateContainer>().container;
  t.send(ContainerCreated{c, {}});
  t.send(ActivationArrived{key(2), kG});
  t.send(ActivationArrived{key(3), kG});
  t.send(ActivationFinished{key(1), c});
  EXPECT_EQ(t.the<RemoveContainer>().container, c);
  t.send(ContainerRemoved{c});
  const ContainerId next = t.the<CreateContainer>().container;
  t.send(ContainerCreated{next, {}});
  EXPECT_EQ(t.the<StartActivation>().activation, key(2));
  t.send(ActivationFinished{key(2), next});
  EXPECT_EQ(t.the<StartActivation>().activation, key(3));
  EXPECT_EQ(t.the<StartActivation>().start, StartType::warm);
}

TEST(NodeWaiting, AWarmContainerIsUsedThoughAnotherFunctionWaitsForMemory) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  t.add(kG, a_function(kBob, 1_GiB));
  t.send(ActivationArrived{key(1), kF});
  const ContainerId busy = t.the<CreateContainer>().container;
  t.send(ContainerCreated{busy, {}});
  t.run(key(2), kF);
  t.send(ActivationArrived{key(3), kG});
  EXPECT_EQ(t.node->waiting(), 1U);
  t.send(ActivationArrived{key(4), kF});
  EXPECT_EQ(t.the<StartActivation>().start, StartType::warm);
}

TEST(NodeWaiting, NobodyOvertakesAHeadThatHasWaitedTenSeconds) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  t.add(kG, a_function(kBob, 1_GiB));
  t.send(ActivationArrived{key(1), kF});
  t.send(ContainerCreated{t.the<CreateContainer>().container, {}});
  t.run(key(2), kF);
  t.send(ActivationArrived{key(3), kG});
  t.after(10s, ActivationArrived{key(4), kF});
  EXPECT_THAT(t.commands, IsEmpty());
  EXPECT_EQ(t.node->waiting(), 2U);
}

TEST(NodeStemCells, AreMadeAtStartTakenWithoutCodeAndRefilled) {
  NodeSettings settings = a_node(2_GiB, false);
  settings.stem_cells = {{kTorch, 512_MiB, 2}};
  NodeUnderTest t(settings);
  const auto cells = t.all<CreateContainer>();
  ASSERT_THAT(cells, SizeIs(2));
  EXPECT_FALSE(cells[0].ns);
  for (const auto& cell : cells) t.send(ContainerCreated{cell.container, {}});
  t.add(kF, a_function());
  t.send(ActivationArrived{key(1), kF});
  const auto start = t.the<StartActivation>();
  EXPECT_EQ(start.start, StartType::prewarmed);
  EXPECT_TRUE(start.init);
  EXPECT_FALSE(t.the<CreateContainer>().ns) << "the cell that was taken is replaced";
  EXPECT_EQ(t.container(start.container).ns, kAlice);
}

TEST(NodeStemCells, AreForExactlyOneKindAndSize) {
  NodeSettings settings = a_node(2_GiB, false);
  settings.stem_cells = {{kPython, 512_MiB, 1}, {kTorch, 256_MiB, 1}};
  NodeUnderTest t(settings);
  for (const auto& cell : t.all<CreateContainer>()) t.node->handle(t.now, ContainerCreated{cell.container, {}});
  t.add(kF, a_function());
  t.send(ActivationArrived{key(1), kF});
  EXPECT_EQ(t.the<CreateContainer>().ns, kAlice);
}

TEST(NodeStemCells, GiveWayOnlyToACallThatCouldNeverRunOtherwise) {
  NodeSettings settings = a_node(1_GiB, false);
  settings.stem_cells = {{kTorch, 256_MiB, 2}};
  NodeUnderTest t(settings);
  for (const auto& cell : t.all<CreateContainer>()) t.node->handle(t.now, ContainerCreated{cell.container, {}});
  t.add(kF, a_function(kAlice, 384_MiB));
  t.add(kG, a_function(kBob, 768_MiB));
  t.send(ActivationArrived{key(1), kF});
  const ContainerId c = t.the<CreateContainer>().container;
  t.send(ContainerCreated{c, {}});
  t.send(ActivationArrived{key(2), kG});
  EXPECT_THAT(t.commands, IsEmpty()) << "the running call will end and give its memory";
  t.send(ActivationFinished{key(1), c});
  const auto removals = t.all<RemoveContainer>();
  ASSERT_THAT(removals, SizeIs(2));
  EXPECT_EQ(removals[0].container, c);
  EXPECT_EQ(removals[1].reason, RemoveReason::surplus);
}

TEST(NodeStemCells, AreTriedAgainLaterIfTheirCreationFails) {
  NodeSettings settings = a_node(1_GiB, false);
  settings.stem_cells = {{kTorch, 256_MiB, 1}};
  NodeUnderTest t(settings);
  t.send(ContainerCreateFailed{t.the<CreateContainer>().container, "no image"});
  EXPECT_THAT(t.commands, IsEmpty());
  EXPECT_EQ(*t.node->wake(), t.now + 1s);
  t.after(1s, Wake{});
  t.send(ContainerCreateFailed{t.the<CreateContainer>().container, "no image"});
  EXPECT_EQ(*t.node->wake(), t.now + 2s);
}

TEST(NodeFaults, ACreationThatFailsAnswersItsCallWithTheReason) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  t.send(ActivationArrived{key(1), kF});
  t.send(ContainerCreateFailed{t.the<CreateContainer>().container, "runc: no such image"});
  EXPECT_THAT(t.the<RejectActivation>().why, HasSubstr("runc: no such image"));
  EXPECT_EQ(t.node->memory_granted(), Bytes{});
}

TEST(NodeFaults, AFunctionLargerThanTheNodeIsRefusedAtOnce) {
  NodeUnderTest t(a_node(256_MiB, false));
  t.add(kF, a_function());
  t.send(ActivationArrived{key(1), kF});
  EXPECT_THAT(t.the<RejectActivation>().why, HasSubstr("needs 512 MiB"));
}

TEST(NodeFaults, AnUnknownFunctionIsAnswered) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.send(ActivationArrived{key(1), kF});
  EXPECT_THAT(t.the<RejectActivation>().why, HasSubstr("does not exist"));
}

TEST(NodeFaults, ABrokenContainerGoesAndIsNotReused) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  t.send(ActivationArrived{key(1), kF});
  const ContainerId c = t.the<CreateContainer>().container;
  t.send(ContainerCreated{c, {}});
  t.send(ActivationFinished{key(1), c, false});
  EXPECT_EQ(t.the<RemoveContainer>().reason, RemoveReason::broken);
  t.send(ActivationArrived{key(2), kF});
  EXPECT_THAT(t.all<CreateContainer>(), SizeIs(1));
}

TEST(NodeFaults, AReturnedCallIsPlacedAnewAndItsContainerGoes) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  const ContainerId c = t.run(key(1), kF);
  t.send(ActivationArrived{key(2), kF});
  t.send(ActivationReturned{key(2), c});
  EXPECT_EQ(t.the<RemoveContainer>().container, c);
  const ContainerId next = t.the<CreateContainer>().container;
  t.send(ContainerCreated{next, {}});
  EXPECT_EQ(t.the<StartActivation>().activation, key(2));
}

TEST(NodeFaults, ADeadContainerGivesItsMemoryBack) {
  NodeUnderTest t(a_node(512_MiB, false));
  t.add(kF, a_function());
  const ContainerId c = t.run(key(1), kF);
  t.send(ContainerDied{c});
  EXPECT_EQ(t.node->memory_granted(), Bytes{});
  t.send(ActivationArrived{key(2), kF});
  EXPECT_THAT(t.all<CreateContainer>(), SizeIs(1));
}

TEST(NodeFaults, EventsAboutNothingAreCountedAndChangeNothing) {
  NodeUnderTest t(a_node(1_GiB, false));
  t.add(kF, a_function());
  const ContainerId c = t.run(key(1), kF);
  const auto before = t.node->counters().unknown_events;
  for (const Event& event : std::vector<Event>{
           ContainerCreated{{99}, {}}, ContainerCreated{c, {}}, ContainerRemoved{c}, ContainerRemoved{{99}},
           ActivationFinished{key(1), c}, ActivationStarted{key(7), c, {}, {}}, ActivationReturned{key(1), c},
           PreloadReady{c, kF, PreloadLevel::initialised, 1s, 1_MiB}, PreloadFailed{c, kG, "?"}, Offloaded{c, kG},
           ContainerPaused{c}, ContainerResumed{c}, WipeFailed{{99}}, ContainerDied{{99}}, Solved{7, nullptr},
           FunctionRemoved{{99}}, ContainerMeasured{{99}, 1_MiB}}) {
    EXPECT_THAT(t.send(event), IsEmpty()) << event.index();
  }
  EXPECT_EQ(t.node->counters().unknown_events, before + 17);
}

TEST(NodePausing, AnIdleContainerIsPausedAfterItsGraceAndResumedByTheNextCall) {
  NodeSettings settings = a_node(1_GiB, false);
  settings.keep_alive_settings.pause_grace = 10s;
  NodeUnderTest t(settings);
  t.add(kF, a_function());
  const ContainerId c = t.run(key(1), kF);
  t.after(10s, Wake{});
  EXPECT_EQ(t.the<PauseContainer>().container, c);
  t.send(ContainerPaused{c});
  EXPECT_EQ(t.container(c).state, ContainerState::paused);
  t.after(1s, ActivationArrived{key(2), kF});
  EXPECT_TRUE(t.the<StartActivation>().resume_first);
  t.send(ActivationFinished{key(2), c});
  t.now += 10min + 10s + 1ns;
  t.send(Wake{});
  EXPECT_EQ(t.the<RemoveContainer>().container, c);
}

TEST(NodeConcurrency, ASecondCallSharesABusyContainerUpToItsLimit) {
  NodeUnderTest t(a_node(1_GiB, false));
  FunctionSpec spec = a_function();
  spec.concurrency = 2;
  t.add(kF, spec);
  t.send(ActivationArrived{key(1), kF});
  const ContainerId c = t.the<CreateContainer>().container;
  t.send(ActivationArrived{key(2), kF});
  EXPECT_THAT(t.commands, IsEmpty()) << "it joins the container that is being made";
  t.send(ActivationArrived{key(3), kF});
  EXPECT_THAT(t.all<CreateContainer>(), SizeIs(1));
  t.send(ContainerCreated{c, {}});
  const auto starts = t.all<StartActivation>();
  ASSERT_THAT(starts, SizeIs(2));
  EXPECT_TRUE(starts[0].init);
  EXPECT_FALSE(starts[1].init);
  t.send(ActivationFinished{key(1), c});
  EXPECT_EQ(t.container(c).state, ContainerState::busy);
  t.send(ActivationFinished{key(2), c});
  EXPECT_EQ(t.container(c).state, ContainerState::idle);
}

TEST(NodeFunctions, ARemovedFunctionsContainersGoWhenTheyAreIdle) {
  NodeUnderTest t(a_node(2_GiB, false));
  t.add(kF, a_function());
  const ContainerId idle = t.run(key(1), kF);
  t.send(ActivationArrived{key(2), kF});
  t.send(ActivationArrived{key(3), kF});
  const ContainerId busy = t.the<CreateContainer>().container;
  t.send(ContainerCreated{busy, {}});
  t.send(ActivationFinished{key(3), busy});
  t.send(FunctionRemoved{kF});
  EXPECT_EQ(t.the<RemoveContainer>().container, busy);
  t.send(ActivationFinished{key(2), idle});
  EXPECT_EQ(t.the<RemoveContainer>().container, idle);
  t.send(ActivationArrived{key(4), kF});
  EXPECT_THAT(t.all<RejectActivation>(), SizeIs(1));
}

TEST(NodeDrain, RefusesNewCallsServesWaitingOnesAndRemovesIdleContainers) {
  NodeUnderTest t(a_node(512_MiB, false));
  t.add(kF, a_function());
  t.send(ActivationArrived{key(1), kF});
  const ContainerId c = t.the<CreateContainer>().container;
  t.send(ContainerCreated{c, {}});
  t.send(ActivationArrived{key(2), kF});
  t.send(DrainRequested{});
  t.send(ActivationArrived{key(3), kF});
  EXPECT_THAT(t.the<RejectActivation>().why, HasSubstr("shutting down"));
  t.send(ActivationFinished{key(1), c});
  EXPECT_EQ(t.the<StartActivation>().activation, key(2));
  t.send(ActivationFinished{key(2), c});
  EXPECT_EQ(t.the<RemoveContainer>().reason, RemoveReason::shutdown);
}

TEST(NodeSettingsCheck, RefusesWhatCannotWork) {
  const auto error = [](NodeSettings settings) {
    auto made = Node::make(settings);
    return made ? std::string("accepted") : made.error().message;
  };
  NodeSettings settings = a_node(1_GiB);
  settings.keep_alive = "forever";
  EXPECT_THAT(error(settings), HasSubstr("unknown policy 'forever'; known: fixed"));
  EXPECT_THAT(error(a_node({})), HasSubstr("user_memory is 0 B"));
  settings = a_node(1_GiB);
  settings.stem_cells = {{kTorch, 512_MiB, 3}};
  EXPECT_THAT(error(settings), HasSubstr("the stem cells need 1.5 GiB"));
  settings = a_node(1_GiB);
  settings.preload.concurrent_loads = 0;
  EXPECT_THAT(error(settings), HasSubstr("concurrent_loads is below 1"));
  settings = a_node(1_GiB);
  settings.preload.bind_stem_cells = true;
  EXPECT_THAT(error(settings), HasSubstr("bind_stem_cells is not supported"));
  settings = a_node(1_GiB);
  settings.preload.planner = "magic";
  EXPECT_THAT(error(settings), HasSubstr("magic"));
}

TEST(NodeNamespaces, TheFirstOneOwnsTheNodeIfSoConfigured) {
  NodeSettings settings = a_node(2_GiB, false);
  settings.one_namespace = true;
  NodeUnderTest t(settings);
  t.add(kF, a_function(kAlice));
  t.add(kG, a_function(kBob));
  t.run(key(1), kF);
  t.send(ActivationArrived{key(2), kG});
  EXPECT_THAT(t.the<RejectActivation>().why, HasSubstr("one namespace only"));
}

}  // namespace
}  // namespace instainfer::core::testing
