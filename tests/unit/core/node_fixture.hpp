#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "instainfer/core/node.hpp"

namespace instainfer::core::testing {

using namespace instainfer::literals;  // NOLINT: tests only
using namespace std::chrono_literals;

constexpr NamespaceId kAlice{1};
constexpr NamespaceId kBob{2};
constexpr KindId kTorch{1};
constexpr KindId kPython{2};

/// A function of Alice with a model that fits four times into its 512 MiB container.
inline FunctionSpec a_function(NamespaceId ns = kAlice, Bytes limit = 512_MiB) {
  return {.ns = ns, .kind = kTorch, .memory_limit = limit, .preloadable = true, .model_file = 100_MiB};
}

/// What a function learnt in an earlier life, so that tests know its load time and size.
inline ProfileSnapshot a_profile(Duration load, Bytes bytes) {
  return {.loads = 1, .load_time = load, .loaded_bytes = bytes, .peak_bytes = bytes, .execution_mean = 100ms};
}

inline NodeSettings a_node(Bytes memory, bool preload = true) {
  NodeSettings settings{.user_memory = memory};
  settings.preload.enabled = preload;
  settings.preload.planner = "priority";
  settings.keep_alive_settings.pause_grace = Duration{};
  return settings;
}

/// Drives a node by hand: each call hands one event over and keeps the commands that came back.
class NodeUnderTest {
 public:
  explicit NodeUnderTest(const NodeSettings& settings) {
    auto made = Node::make(settings);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return;
    }
    node = std::move(*made);
    commands = node->start(now);
  }

  const Commands& send(const Event& event) { return commands = node->handle(now, event); }
  const Commands& after(Duration d, const Event& event) {
    now += d;
    return send(event);
  }
  void add(FunctionId f, FunctionSpec spec, std::optional<ProfileSnapshot> profile = std::nullopt) {
    send(FunctionAdded{f, spec, std::move(profile)});
  }

  /// The only command of type C that the last event gave; fails the test if there is none.
  template <typename C>
  C the() const {
    const std::vector<C> found = all<C>();
    EXPECT_EQ(found.size(), 1U) << "commands of the wanted type";
    return found.empty() ? C{} : found.front();
  }
  template <typename C>
  std::vector<C> all() const {
    std::vector<C> found;
    for (const Command& command : commands) {
      if (const C* c = std::get_if<C>(&command)) found.push_back(*c);
    }
    return found;
  }

  /// Carries an activation through to its end, whatever container it needs; returns that container.
  ContainerId run(ActivationKey a, FunctionId f, Duration execution = {}, Bytes used = 100_MiB) {
    send(ActivationArrived{a, f});
    for (const auto& create : all<CreateContainer>()) {
      if (create.ns) send(ContainerCreated{create.container, 10_MiB});
    }
    const auto start = the<StartActivation>();
    send(ActivationStarted{a, start.container, start.init ? std::optional<Duration>(1s) : std::nullopt, 100_MiB});
    after(execution, ActivationFinished{a, start.container, true, execution, used});
    return start.container;
  }

  ContainerView container(ContainerId id) const {
    for (const ContainerView& view : node->containers()) {
      if (view.id == id) return view;
    }
    ADD_FAILURE() << "no container " << id.value;
    return {};
  }

  std::unique_ptr<Node> node;
  Commands commands;
  TimePoint now{};
};

}  // namespace instainfer::core::testing
