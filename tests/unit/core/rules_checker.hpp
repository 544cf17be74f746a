#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "instainfer/core/node.hpp"

namespace instainfer::core::testing {

/// Watches what goes in and out of a node and says which rule of design.md section 4 was broken.
///
/// It keeps its own picture of the world from events and commands alone and never asks the node, so a node that fools
/// itself does not fool the checker. Covers rules 1, 2, 3 and 5; rule 4 is statistical (closed loop), rule 6 is
/// counted.
class RuleChecker {
 public:
  explicit RuleChecker(Bytes node_memory) : node_memory_(node_memory) {}

  void saw(const Event& event);
  void saw(const Command& command);
  /// Nothing is going on any more: every call must have been answered, or have died with its container.
  void saw_the_end();

  /// "rule 2: ..." for each violation, in the order of their discovery.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] Bytes granted() const { return granted_; }

 private:
  struct Function {
    FunctionSpec spec;
    std::deque<Bytes> sizes;  ///< the last 8 that were measured
    Bytes estimate;
    Bytes peak;
    [[nodiscard]] Bytes bytes() const;
  };
  struct Holding {
    Bytes bytes;
    HeldState state = HeldState::loading;
  };
  struct Box {
    KindId kind;
    Bytes limit;
    std::optional<NamespaceId> ns;
    std::optional<FunctionId> own;
    Bytes base;
    std::map<FunctionId, Holding> holds;
    std::set<ActivationKey> active;
  };
  enum class Call { waiting, running, answered, lost };

  void on(const FunctionAdded& e);
  void on(const ActivationArrived& e);
  void on(const ActivationStarted& e);
  void on(const ActivationFinished& e);
  void on(const ActivationReturned& e);
  void on(const ContainerCreated& e);
  void on(const ContainerCreateFailed& e) { gone(e.container); }
  void on(const ContainerRemoved& e) { gone(e.container); }
  void on(const ContainerDied& e);
  void on(const ContainerMeasured& e);
  void on(const PreloadReady& e);
  void on(const PreloadFailed& e);
  void on(const Offloaded& e);
  template <typename Other>
  void on(const Other&) {}

  void on(const CreateContainer& c);
  void on(const RemoveContainer& c);
  void on(const PreloadFunction& c);
  void on(const OffloadFunction& c);
  void on(const StartActivation& c);
  void on(const RejectActivation& c);

  void gone(ContainerId id);
  void broken(int rule, const std::string& what);
  /// Rule 3: may this function's code be in this container?
  void check_belongs(ContainerId id, Box& box, FunctionId f);
  [[nodiscard]] Bytes room(const Box& box) const;

  Bytes node_memory_;
  Bytes granted_;
  std::map<FunctionId, Function> functions_;
  std::map<ContainerId, Box> boxes_;
  std::map<ActivationKey, Call> calls_;
  std::vector<std::string> violations_;
};

}  // namespace instainfer::core::testing
