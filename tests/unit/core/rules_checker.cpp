#include "rules_checker.hpp"

#include <algorithm>

namespace instainfer::core::testing {

void RuleChecker::saw(const Event& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}
void RuleChecker::saw(const Command& command) {
  std::visit([this](const auto& c) { on(c); }, command);
}

void RuleChecker::saw_the_end() {
  for (const auto& [key, call] : calls_) {
    if (call == Call::waiting) broken(1, "call " + std::to_string(key.value) + " was never answered");
    if (call == Call::running) broken(1, "call " + std::to_string(key.value) + " still runs at the end");
  }
}

void RuleChecker::broken(int rule, const std::string& what) {
  violations_.push_back("rule " + std::to_string(rule) + ": " + what);
}

Bytes RuleChecker::Function::bytes() const {
  return sizes.empty() ? estimate : *std::max_element(sizes.begin(), sizes.end());
}

void RuleChecker::on(const FunctionAdded& e) {
  const auto [it, added] = functions_.try_emplace(e.function);
  it->second.spec = e.spec;
  if (added && e.profile) {
    it->second.estimate = e.profile->loaded_bytes;
    it->second.peak = e.profile->peak_bytes;
  }
}

void RuleChecker::on(const ActivationArrived& e) {
  calls_.try_emplace(e.activation, Call::waiting);
}

void RuleChecker::on(const ActivationStarted& e) {
  const auto call = calls_.find(e.activation);
  const auto box = boxes_.find(e.container);
  if (call == calls_.end() || box == boxes_.end() || !box->second.active.contains(e.activation)) return;
  if (!e.load_took || e.loaded_bytes <= Bytes{} || !box->second.own) return;
  auto& sizes = functions_[*box->second.own].sizes;
  sizes.push_back(e.loaded_bytes);
  if (sizes.size() > 8) sizes.pop_front();
}

void RuleChecker::on(const ActivationFinished& e) {
  const auto box = boxes_.find(e.container);
  if (box == boxes_.end() || box->second.active.erase(e.activation) == 0) return;
  calls_[e.activation] = Call::answered;
  if (e.container_used <= Bytes{}) return;
  box->second.base = e.container_used;
  Bytes& peak = functions_[*box->second.own].peak;
  peak = std::max(peak, e.container_used);
}

void RuleChecker::on(const ActivationReturned& e) {
  const auto box = boxes_.find(e.container);
  if (box == boxes_.end() || box->second.active.erase(e.activation) == 0) return;
  calls_[e.activation] = Call::waiting;
}

void RuleChecker::on(const ContainerCreated& e) {
  const auto box = boxes_.find(e.container);
  if (box != boxes_.end() && box->second.active.empty() && !box->second.own) box->second.base = e.used;
}

void RuleChecker::on(const ContainerDied& e) {
  const auto box = boxes_.find(e.container);
  if (box == boxes_.end()) return;
  for (const ActivationKey a : box->second.active) calls_[a] = Call::lost;
  gone(e.container);
}

void RuleChecker::on(const ContainerMeasured& e) {
  const auto box = boxes_.find(e.container);
  if (box == boxes_.end() || !box->second.active.empty()) return;
  if (box->second.holds.empty()) box->second.base = e.used;
}

void RuleChecker::on(const PreloadReady& e) {
  const auto box = boxes_.find(e.container);
  if (box == boxes_.end()) return;
  const auto held = box->second.holds.find(e.function);
  if (held == box->second.holds.end() || held->second.state != HeldState::loading) return;
  held->second = {e.bytes, HeldState::ready};
  auto& sizes = functions_[e.function].sizes;
  sizes.push_back(e.bytes);
  if (sizes.size() > 8) sizes.pop_front();
}

void RuleChecker::on(const PreloadFailed& e) {
  const auto box = boxes_.find(e.container);
  if (box == boxes_.end()) return;
  const auto held = box->second.holds.find(e.function);
  if (held != box->second.holds.end() && held->second.state != HeldState::offloading) box->second.holds.erase(held);
}

void RuleChecker::on(const Offloaded& e) {
  const auto box = boxes_.find(e.container);
  if (box == boxes_.end()) return;
  const auto held = box->second.holds.find(e.function);
  if (held != box->second.holds.end() && held->second.state == HeldState::offloading) box->second.holds.erase(held);
}

void RuleChecker::on(const CreateContainer& c) {
  granted_ += c.memory_limit;
  if (granted_ > node_memory_) broken(2, "containers have " + to_string(granted_) + " of " + to_string(node_memory_));
  if (!boxes_.emplace(c.container, Box{.kind = c.kind, .limit = c.memory_limit, .ns = c.ns}).second) {
    broken(2, "container " + std::to_string(c.container.value) + " is created twice");
  }
}

void RuleChecker::on(const RemoveContainer& c) {
  const auto box = boxes_.find(c.container);
  if (box == boxes_.end()) return broken(2, "removes a container that does not exist");
  if (!box->second.active.empty()) broken(1, "removes a container in which a call runs");
}

void RuleChecker::gone(ContainerId id) {
  const auto box = boxes_.find(id);
  if (box == boxes_.end()) return;
  granted_ -= box->second.limit;
  boxes_.erase(box);
}

Bytes RuleChecker::room(const Box& box) const {
  Bytes used = box.base;
  if (box.own) used = std::max({used, functions_.at(*box.own).peak, functions_.at(*box.own).bytes()});
  return std::max(Bytes{}, box.limit - used);
}

void RuleChecker::check_belongs(ContainerId id, Box& box, FunctionId f) {
  const auto function = functions_.find(f);
  if (function == functions_.end()) return broken(3, "a function nobody deployed");
  const FunctionSpec& spec = function->second.spec;
  const std::string where = " in container " + std::to_string(id.value) + " for function " + std::to_string(f.value);
  if (!box.ns) box.ns = spec.ns;
  if (box.ns != spec.ns) broken(3, "code of another namespace" + where);
  if (box.kind != spec.kind) broken(3, "another kind" + where);
  if (box.limit < spec.memory_limit) broken(3, "too little memory" + where);
}

void RuleChecker::on(const PreloadFunction& c) {
  const auto it = boxes_.find(c.container);
  if (it == boxes_.end()) return broken(2, "preloads into a container that does not exist");
  Box& box = it->second;
  if (!box.active.empty()) broken(5, "preloads into a busy container");
  check_belongs(c.container, box, c.function);
  Bytes held = functions_[c.function].bytes();
  for (const auto& [f, holding] : box.holds) held += holding.bytes;
  if (held > room(box)) {
    broken(2, "preloads of " + to_string(held) + " where " + to_string(room(box)) + " are free");
  }
  if (!box.holds.emplace(c.function, Holding{functions_[c.function].bytes()}).second) {
    broken(2, "loads a function twice into one container");
  }
}

void RuleChecker::on(const OffloadFunction& c) {
  const auto it = boxes_.find(c.container);
  if (it == boxes_.end() || !it->second.holds.contains(c.function)) return broken(5, "offloads what is not held");
  if (c.by_promotion) {
    it->second.holds.erase(c.function);
  } else {
    it->second.holds[c.function].state = HeldState::offloading;
  }
}

void RuleChecker::on(const StartActivation& c) {
  const auto call = calls_.find(c.activation);
  if (call == calls_.end()) return broken(1, "starts a call that never arrived");
  if (call->second != Call::waiting) broken(1, "starts call " + std::to_string(c.activation.value) + " again");
  call->second = Call::running;
  const auto it = boxes_.find(c.container);
  if (it == boxes_.end()) return broken(1, "starts a call in a container that does not exist");
  Box& box = it->second;
  check_belongs(c.container, box, c.function);
  if (!box.active.empty() && box.own != c.function) broken(5, "starts a call beside another function's");
  box.holds.erase(c.function);
  if (!box.holds.empty()) broken(5, "hands over a request while other functions live in its container");
  box.own = c.function;
  box.active.insert(c.activation);
}

void RuleChecker::on(const RejectActivation& c) {
  const auto call = calls_.find(c.activation);
  if (call == calls_.end()) return broken(1, "rejects a call that never arrived");
  if (call->second != Call::waiting) broken(1, "answers call " + std::to_string(c.activation.value) + " again");
  call->second = Call::answered;
}

}  // namespace instainfer::core::testing
