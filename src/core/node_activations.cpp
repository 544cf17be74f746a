#include "node_state.hpp"

namespace instainfer::core {

void Node::State::reject(ActivationKey a, std::string why) {
  out.add(RejectActivation{a, std::move(why)});
}

void Node::State::on(const ActivationArrived& event) {
  if (activations.contains(event.activation)) return unknown();
  FunctionRecord* const function = find_function(event.function);
  if (function == nullptr || function->removed) {
    return reject(event.activation, "the function does not exist on this node (any more); deploy it first");
  }
  if (draining) return reject(event.activation, "this node is shutting down; try another");
  if (function->spec.memory_limit > ledger.total()) {
    return reject(event.activation, "the function needs " + to_string(function->spec.memory_limit) +
                                        ", this node has " + to_string(ledger.total()) +
                                        " for all containers; lower its memory limit");
  }
  if (settings.one_namespace) {
    if (!owner) owner = function->spec.ns;
    if (*owner != function->spec.ns) {
      return reject(event.activation, "this node serves one namespace only (isolation.user = node), and not this one");
    }
  }

  activations.emplace(event.activation, ActivationRecord{.function = event.function});
  ++function->unfinished;
  arrivals->arrived(event.function, now);
  if (function->spec.preloadable) planner->on_arrival(event.function, function->in_service, now);
  wait(event.activation);
  touched_functions.insert(event.function);
}

void Node::State::on(const ActivationStarted& event) {
  const auto it = activations.find(event.activation);
  if (it == activations.end() || it->second.stage != ActivationRecord::Stage::running ||
      it->second.container != event.container || it->second.started) {
    return unknown();
  }
  ActivationRecord& activation = it->second;
  activation.started = true;
  pool.find(event.container)->own_ready = true;
  if (!event.load_took) return;
  FunctionRecord& function = *find_function(activation.function);
  function.profile.loaded(*event.load_took, event.loaded_bytes);
  report_facts(activation.function);
}

void Node::State::on(const ActivationFinished& event) {
  const auto it = activations.find(event.activation);
  if (it == activations.end() || it->second.stage != ActivationRecord::Stage::running ||
      it->second.container != event.container) {
    return unknown();
  }
  const FunctionId f = it->second.function;
  FunctionRecord& function = *find_function(f);
  Container& c = *pool.find(event.container);
  if (it->second.started) function.profile.executed(event.execution);
  if (event.container_used > Bytes{}) {
    c.used = c.base_used = event.container_used;
    function.profile.used(event.container_used);
  }
  report_facts(f);

  leave_container(it->second, c, event.activation);
  const bool stale = function.removed;
  close_activation(event.activation);
  if (!event.container_usable) return doom(c, RemoveReason::broken);
  if (stale) return doom(c, RemoveReason::surplus);
  if (c.doomed) return doom(c, *c.doomed);
  c.own_ready = true;
  pool.reindex(c);
  if (c.active.empty()) become_idle(c);
  touched_functions.insert(f);
}

void Node::State::on(const ActivationReturned& event) {
  const auto it = activations.find(event.activation);
  if (it == activations.end() || it->second.stage != ActivationRecord::Stage::running ||
      it->second.container != event.container) {
    return unknown();
  }
  Container& c = *pool.find(event.container);
  leave_container(it->second, c, event.activation);
  doom(c, RemoveReason::broken);
  wait(event.activation);
  touched_functions.insert(it->second.function);
}

void Node::State::leave_container(ActivationRecord& activation, Container& c, ActivationKey a) {
  c.active.erase(a);
  --find_function(activation.function)->in_service;
  activation.started = false;
}

void Node::State::close_activation(ActivationKey a) {
  const auto it = activations.find(a);
  const FunctionId f = it->second.function;
  activations.erase(it);
  --find_function(f)->unfinished;
  forget_if_unused(f);
}

}  // namespace instainfer::core
