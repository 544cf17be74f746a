#include "node_state.hpp"

namespace instainfer::core {

FunctionRecord* Node::State::find_function(FunctionId f) {
  const auto it = functions.find(f);
  return it == functions.end() ? nullptr : &it->second;
}

void Node::State::on(const FunctionAdded& event) {
  const ProfileSnapshot* saved = event.profile ? &*event.profile : nullptr;
  const auto it = functions.find(event.function);
  if (it == functions.end()) {
    functions.emplace(event.function, FunctionRecord{event.spec, FunctionProfile(event.spec, saved)});
    arrivals->add(event.function, now, saved);
  } else {
    FunctionRecord& function = it->second;
    const bool other_place = function.spec.ns != event.spec.ns || function.spec.kind != event.spec.kind ||
                             function.spec.memory_limit < event.spec.memory_limit;
    function.spec = event.spec;
    if (function.removed) arrivals->add(event.function, now, saved);
    function.removed = false;
    const bool drop = other_place || !event.spec.preloadable;
    const std::set<ContainerId> holders = drop ? pool.holding(event.function) : std::set<ContainerId>{};
    for (const ContainerId id : holders) begin_offload(*pool.find(id), event.function);
  }
  pool.set_concurrency(event.function, event.spec.concurrency);
  report_facts(event.function);
}

void Node::State::on(const FunctionRemoved& event) {
  FunctionRecord* const function = find_function(event.function);
  if (function == nullptr || function->removed) return unknown();
  function->removed = true;
  arrivals->remove(event.function);
  if (function->spec.preloadable) planner->on_function_removed(event.function, now);

  const std::set<ContainerId> holders = pool.holding(event.function);
  for (const ContainerId id : holders) begin_offload(*pool.find(id), event.function);
  const Pool::ByAge warm = pool.idle_warm(event.function);
  for (const auto& [since, id] : warm) doom(*pool.find(id), RemoveReason::surplus);
  forget_if_unused(event.function);
}

void Node::State::on(const DrainRequested&) {
  draining = true;
  stem_backoff.clear();
}

void Node::State::report_facts(FunctionId f) {
  const FunctionRecord* const function = find_function(f);
  if (function == nullptr || function->removed || !function->spec.preloadable) return;
  const FunctionSpec& spec = function->spec;
  const FunctionProfile& profile = function->profile;
  planner->on_function({.id = f,
                        .ns = spec.ns,
                        .kind = spec.kind,
                        .memory_limit = spec.memory_limit,
                        .bytes = profile.bytes(),
                        .load_time = profile.load_time(),
                        .execution = profile.execution(),
                        .measured = profile.measured()},
                       now);
}

void Node::State::forget_if_unused(FunctionId f) {
  const auto it = functions.find(f);
  if (it != functions.end() && it->second.removed && it->second.unfinished == 0) functions.erase(it);
}

}  // namespace instainfer::core
