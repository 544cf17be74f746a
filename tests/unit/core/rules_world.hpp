#pragma once

#include <deque>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "rules_checker.hpp"

namespace instainfer::core::testing {

/// Changes the commands that the checker sees (not those the world carries out): an injected fault.
using Tamper = std::function<void(Commands&, const Node&)>;

/// Drives a node with random events: calls, commands answered in random order between containers, creations and loads
/// that fail, containers that die or are returned, wipes that fail, functions that come and go, events about nothing.
/// Everything follows from the seed.
class RandomWorld {
 public:
  RandomWorld(std::uint64_t seed, const NodeSettings& settings, Tamper tamper = nullptr);

  /// Sends `events` random events, then lets everything come to its end.
  void run(int events);

  [[nodiscard]] const RuleChecker& checker() const { return checker_; }
  [[nodiscard]] const Node& node() const { return *node_; }
  [[nodiscard]] int events_sent() const { return sent_; }
  /// All commands in order, for comparing two runs.
  [[nodiscard]] const std::vector<std::string>& trace() const { return trace_; }

 private:
  struct Box {
    std::deque<Command> queue;  ///< commands that were not carried out yet, in order
    std::map<ActivationKey, FunctionId> running;
    std::vector<FunctionId> ready;  ///< preloads
  };

  void send(const Event& event);
  void carry_out(const Command& command);
  /// Carries out the next command of a random container; false if nothing is to be done anywhere.
  bool answer_something(bool faults);
  void answer(ContainerId id, const Command& command, bool faults);
  bool finish_some_call(bool faults);
  void strike();  ///< something bad happens
  void add_function(std::uint32_t f);
  void quiesce();

  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }
  std::uint32_t pick(std::uint32_t n) { return std::uniform_int_distribution<std::uint32_t>(0, n - 1)(random_); }
  ContainerId any_container();

  std::mt19937_64 random_;
  std::unique_ptr<Node> node_;
  RuleChecker checker_;
  Tamper tamper_;
  TimePoint now_{};
  std::map<ContainerId, Box> boxes_;
  std::vector<Solve> to_solve_;
  std::uint64_t next_call_ = 1;
  int sent_ = 0;
  std::vector<std::string> trace_;
};

}  // namespace instainfer::core::testing
