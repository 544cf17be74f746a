#include <algorithm>

#include "node_state.hpp"

namespace instainfer::core {

void Node::State::on(const PreloadReady& event) {
  Container* const c = pool.find(event.container);
  const auto it = c == nullptr ? decltype(c->holds)::iterator{} : c->holds.find(event.function);
  if (c == nullptr || it == c->holds.end() || it->second.state != HeldState::loading || !it->second.sent) {
    return unknown();
  }
  Held& held = it->second;
  held.state = HeldState::ready;
  held.level = event.level;
  if (event.bytes > Bytes{}) held.bytes = event.bytes;
  --loading;
  ++counters.preloads_ready;
  counters.preload_time += event.took;
  planner->on_held(c->id, event.function, HeldState::ready, now);
  if (FunctionRecord* const function = find_function(event.function)) {
    function->profile.loaded(event.took, event.bytes);
    report_facts(event.function);
    if (function->removed) begin_offload(*c, event.function);
  }
  trim(*c);
  pool.reindex(*c);
  pause_if_due(*c);
  touched_functions.insert(event.function);
}

void Node::State::on(const PreloadFailed& event) {
  Container* const c = pool.find(event.container);
  const auto it = c == nullptr ? decltype(c->holds)::iterator{} : c->holds.find(event.function);
  if (c == nullptr || it == c->holds.end() || it->second.state == HeldState::offloading || !it->second.sent) {
    return unknown();
  }
  if (it->second.state == HeldState::loading) --loading;
  ++counters.preloads_failed;
  account_drop(it->second, HeldEnd::dropped);
  c->holds.erase(it);
  pool.reindex(*c);
  if (c->bin) planner->on_held(c->id, event.function, HeldState::none, now);
  planner->on_load_failed(event.function, now);
  pause_if_due(*c);
}

void Node::State::on(const Offloaded& event) {
  Container* const c = pool.find(event.container);
  const auto it = c == nullptr ? decltype(c->holds)::iterator{} : c->holds.find(event.function);
  if (c == nullptr || it == c->holds.end() || it->second.state != HeldState::offloading || !it->second.sent) {
    return unknown();
  }
  c->holds.erase(it);
  pool.reindex(*c);
  if (c->bin) planner->on_held(c->id, event.function, HeldState::none, now);
  pause_if_due(*c);
}

void Node::State::on(const Solved& event) {
  if (!solving || *solving != event.version || event.plan == nullptr) return unknown();
  solving.reset();
  planner->adopt(*event.plan, now);
}

void Node::State::settle() {
  serve_touched();
  serve_queue();
  refill_stem_cells();
  if (draining && waiting.size() == 0) remove_idle_for_shutdown();
  if (settings.preload.enabled) {
    sync_bins();
    plan();
  }
  counters.planner_steps = planner->steps();
  touched_functions.clear();
  touched_bins.clear();
}

void Node::State::sync_bins() {
  for (const ContainerId id : touched_bins) {
    Container* const c = pool.find(id);
    if (c == nullptr) continue;
    const std::optional<BinFacts> facts = bin_facts(*c);
    const bool opened = facts && !c->bin;
    if (!facts) {
      close_bin(*c);
      continue;
    }
    c->bin = facts;
    planner->on_bin(*facts, now);
    if (!opened) continue;
    for (const auto& [f, held] : c->holds) planner->on_held(id, f, held.state, now);
  }
  for (const FunctionId f : touched_functions) {
    FunctionRecord* const function = find_function(f);
    if (function == nullptr || function->removed || !function->spec.preloadable) continue;
    const int warm = static_cast<int>(pool.idle_warm(f).size());
    if (warm == function->warm_reported) continue;
    function->warm_reported = warm;
    planner->on_warm_copies(f, warm, now);
  }
}

void Node::State::close_bin(Container& c) {
  if (!c.bin) return;
  c.bin.reset();
  planner->on_bin_closed(c.id, now);
}

Bytes Node::State::room(const Container& c) const {
  Bytes in_use = c.base_used;
  if (c.own) {
    const auto it = functions.find(*c.own);
    if (it != functions.end()) in_use = std::max(in_use, it->second.profile.peak());
  }
  return std::max(Bytes{}, c.shape.memory_limit - in_use);
}

std::optional<BinFacts> Node::State::bin_facts(const Container& c) const {
  if (!c.idle() || c.doomed || !c.ns || draining) return std::nullopt;
  // A worker that cannot be told from its neighbour by the kernel gets no neighbour (design.md, section 5).
  if (settings.one_function_per_container && c.own) return std::nullopt;
  const bool frozen = c.state != ContainerState::idle;
  if (frozen && !settings.preload.into_paused) return std::nullopt;
  return BinFacts{.id = c.id,
                  .ns = *c.ns,
                  .kind = c.shape.kind,
                  .memory_limit = c.shape.memory_limit,
                  .room = room(c),
                  .own = c.own,
                  .expected_end = c.remove_at,
                  .resume_cost = frozen ? resume_time.value_or(settings.preload.resume_cost) : Duration{}};
}

void Node::State::plan() {
  const PlanSteps steps = planner->decide(now, settings.preload.concurrent_loads - loading);
  for (const Placement& step : steps.offloads) {
    Container* const c = pool.find(step.bin);
    const bool held = c != nullptr && c->bin && c->holds.contains(step.function);
    if (!held || c->holds.at(step.function).state != HeldState::ready) {
      ++counters.refused_steps;
      continue;
    }
    begin_offload(*c, step.function);
  }
  for (const Placement& step : steps.loads) {
    Container* const c = pool.find(step.bin);
    if (c == nullptr || !may_load(*c, step.function)) {
      ++counters.refused_steps;
      continue;
    }
    begin_load(*c, step.function);
  }
  if (solving) return;
  std::optional<PlanProblem> problem = planner->problem(now);
  if (!problem) return;
  solving = problem->version;
  out.add(Solve{*solving, std::make_shared<const PlanProblem>(std::move(*problem))});
}

bool Node::State::may_load(const Container& c, FunctionId f) const {
  const auto it = functions.find(f);
  if (it == functions.end() || it->second.removed || !it->second.spec.preloadable) return false;
  const FunctionSpec& spec = it->second.spec;
  if (!bin_facts(c) || c.ns != spec.ns || c.shape.kind != spec.kind) return false;
  if (c.shape.memory_limit < spec.memory_limit || c.own == f || c.holds.contains(f)) return false;
  if (settings.one_function_per_container && !c.holds.empty()) return false;
  if (loading >= settings.preload.concurrent_loads) return false;
  return c.held_bytes() + it->second.profile.bytes() <= room(c);
}

void Node::State::begin_load(Container& c, FunctionId f) {
  c.holds.emplace(f, Held{.state = HeldState::loading, .bytes = functions.at(f).profile.bytes(), .since = now});
  ++loading;
  ++counters.preloads_started;
  planner->on_held(c.id, f, HeldState::loading, now);
  send_pending_moves(c);
}

void Node::State::begin_offload(Container& c, FunctionId f) {
  const auto it = c.holds.find(f);
  if (it == c.holds.end()) return;
  Held& held = it->second;
  if (held.state == HeldState::loading && held.sent) return;  // goes when the load's outcome is known
  if (held.state == HeldState::loading) {
    --loading;
    c.holds.erase(it);
    pool.reindex(c);
    if (c.bin) planner->on_held(c.id, f, HeldState::none, now);
    return;
  }
  if (held.state == HeldState::offloading) return;
  account_drop(held, HeldEnd::dropped);
  held = {.state = HeldState::offloading, .bytes = held.bytes, .since = now, .accounted = true};
  if (c.bin) planner->on_held(c.id, f, HeldState::offloading, now);
  send_pending_moves(c);
}

void Node::State::send_pending_moves(Container& c) {
  const bool pending = std::ranges::any_of(c.holds, [](const auto& entry) { return !entry.second.sent; });
  if (pending && c.state == ContainerState::paused) {
    c.state = ContainerState::resuming;
    c.state_since = now;
    c.thawing = true;
    out.add(ResumeContainer{c.id});
  }
  if (pending && c.state == ContainerState::idle) {
    for (auto& [f, held] : c.holds) {
      if (std::exchange(held.sent, true)) continue;
      if (held.state == HeldState::loading) {
        held.since = now;
        out.add(PreloadFunction{c.id, f, PreloadLevel::initialised});
      } else {
        out.add(OffloadFunction{c.id, f, false});
      }
    }
  }
  pool.reindex(c);
}

void Node::State::trim(Container& c) {
  const auto staying = [&c] {
    Bytes sum;
    for (const auto& [f, held] : c.holds) sum += held.state == HeldState::offloading ? Bytes{} : held.bytes;
    return sum;
  };
  while (staying() > room(c)) {
    std::optional<std::pair<double, FunctionId>> least;
    for (const auto& [f, held] : c.holds) {
      if (held.state != HeldState::ready) continue;
      const std::pair candidate{planner->value_held(c.id, f, now), f};
      if (!least || candidate < *least) least = candidate;
    }
    if (!least) return;
    begin_offload(c, least->second);
  }
}

void Node::State::pause_if_due(Container& c) {
  if (c.state != ContainerState::idle || c.thawing || c.moving() || c.pause_at > now || c.doomed) return;
  c.state = ContainerState::pausing;
  c.state_since = now;
  c.thawing = true;
  pool.reindex(c);
  touched_bins.insert(c.id);
  out.add(PauseContainer{c.id});
}

}  // namespace instainfer::core
