#include <algorithm>

#include "node_state.hpp"

namespace instainfer::core {
namespace {

constexpr double kCreateWeight = 0.3;
constexpr Duration kFirstBackoff = std::chrono::seconds(1);
constexpr Duration kLongestBackoff = std::chrono::seconds(60);

}  // namespace

Container& Node::State::create(const Shape& shape, std::optional<NamespaceId> ns) {
  const ContainerId id{next_container++};
  ledger.grant(shape.memory_limit);
  ++counters.containers_created;
  out.add(CreateContainer{id, shape.kind, shape.memory_limit, ns});
  return pool.add({.id = id, .shape = shape, .ns = ns, .state_since = now});
}

void Node::State::on(const ContainerCreated& event) {
  Container* const c = pool.find(event.container);
  if (c == nullptr || c->state != ContainerState::creating) return unknown();
  const Duration took = now - c->state_since;
  const auto [time, first] = create_times.try_emplace(c->shape.kind, took);
  if (!first) time->second += from_seconds(kCreateWeight * (seconds(took) - seconds(time->second)));
  c->used = c->base_used = event.used;
  c->state_since = now;

  if (c->pending.empty()) {
    c->state = ContainerState::prewarmed;
    stem_backoff.erase(c->shape);
    pool.reindex(*c);
    if (draining) doom(*c, RemoveReason::shutdown);
    return;
  }
  const std::vector<ActivationKey> pending = std::exchange(c->pending, {});
  for (const ActivationKey a : pending) {
    const bool first_one = a == pending.front();
    start_in(*c, a, first_one ? StartType::cold : StartType::preloading, PreloadLevel::none, first_one);
  }
}

void Node::State::on(const ContainerCreateFailed& event) {
  Container* const c = pool.find(event.container);
  if (c == nullptr || c->state != ContainerState::creating) return unknown();
  for (const ActivationKey a : c->pending) {
    reject(a, "the container could not be created: " + event.why);
    close_activation(a);
  }
  if (c->pending.empty()) {
    Backoff& backoff = stem_backoff[c->shape];
    backoff.delay = std::clamp(backoff.delay * 2, kFirstBackoff, kLongestBackoff);
    backoff.at = now + backoff.delay;
  }
  ledger.begin_free(c->shape.memory_limit);
  forget_container(*c);
}

void Node::State::on(const ContainerPaused& event) {
  Container* const c = pool.find(event.container);
  if (c == nullptr || !c->thawing) return unknown();
  c->thawing = false;
  if (c->state != ContainerState::pausing) return;  // an activation came first; it resumes the container itself
  c->state = ContainerState::paused;
  pool.reindex(*c);
  send_pending_moves(*c);
  touched_bins.insert(c->id);
}

void Node::State::on(const ContainerResumed& event) {
  Container* const c = pool.find(event.container);
  if (c == nullptr || !c->thawing) return unknown();
  c->thawing = false;
  if (c->state != ContainerState::resuming) return;
  if (event.failed) return doom(*c, RemoveReason::broken);
  resume_time = now - c->state_since;
  c->state = ContainerState::idle;
  pool.reindex(*c);
  send_pending_moves(*c);
  pause_if_due(*c);
  touched_bins.insert(c->id);
}

void Node::State::on(const ContainerRemoved& event) {
  Container* const c = pool.find(event.container);
  if (c == nullptr || c->state != ContainerState::removing) return unknown();
  forget_container(*c);
}

void Node::State::on(const ContainerDied& event) {
  Container* const c = pool.find(event.container);
  if (c == nullptr) return unknown();
  if (c->state == ContainerState::removing) return forget_container(*c);
  // The driver answered what ran there; what it did not answer is lost with the container (rule 1).
  const std::set<ActivationKey> active = c->active;
  for (const ActivationKey a : active) {
    leave_container(activations.at(a), *c, a);
    close_activation(a);
  }
  const std::vector<ActivationKey> pending = std::exchange(c->pending, {});
  for (const ActivationKey a : pending) {
    wait(a);
    touched_functions.insert(activations.at(a).function);
  }
  drop_all_held(*c);
  close_bin(*c);
  keep_alive->on_removed(c->id);
  ledger.begin_free(c->shape.memory_limit);
  ++counters.containers_removed;
  forget_container(*c);
}

void Node::State::on(const ContainerMeasured& event) {
  Container* const c = pool.find(event.container);
  if (c == nullptr || event.used < Bytes{}) return unknown();
  c->used = event.used;
  if (!c->idle()) return;
  // What is being loaded or dropped may be there in part: only what exceeds all of it is the container's own.
  c->base_used = c->holds.empty() ? event.used : std::max(c->base_used, event.used - c->held_bytes());
  trim(*c);
  touched_bins.insert(c->id);
}

void Node::State::on(const WipeFailed& event) {
  Container* const c = pool.find(event.container);
  if (c == nullptr || c->state == ContainerState::removing) return unknown();
  doom(*c, RemoveReason::wipe_failed);
}

void Node::State::become_idle(Container& c) {
  c.state = ContainerState::idle;
  c.idle_since = c.state_since = now;
  const KeepAlivePolicy::Times times = keep_alive->on_idle(c.id, *c.own, c.shape.memory_limit, now);
  c.pause_at = times.pause_at;
  c.remove_at = times.remove_at;
  pool.reindex(c);
  touched_functions.insert(*c.own);
  touched_bins.insert(c.id);
}

void Node::State::doom(Container& c, RemoveReason reason) {
  if (c.state == ContainerState::removing) return;
  if (!c.doomed) c.doomed = reason;
  const bool in_use = !c.active.empty() || c.state == ContainerState::creating;
  if (!in_use) return remove(c, *c.doomed);
  pool.reindex(c);
}

void Node::State::remove(Container& c, RemoveReason reason) {
  drop_all_held(c);
  close_bin(c);
  keep_alive->on_removed(c.id);
  if (c.own) touched_functions.insert(*c.own);
  c.state = ContainerState::removing;
  ledger.begin_free(c.shape.memory_limit);
  ++counters.containers_removed;
  pool.reindex(c);
  out.add(RemoveContainer{c.id, reason});
}

void Node::State::forget_container(Container& c) {
  if (c.own) touched_functions.insert(*c.own);
  ledger.freed(c.shape.memory_limit);
  pool.erase(c.id);
}

void Node::State::expire() {
  for (auto due = pool.next_deadline(); due && due->first <= now; due = pool.next_deadline()) {
    Container& c = *pool.find(due->second);
    if (c.remove_at < now) {
      remove(c, RemoveReason::idle_timeout);
    } else {
      pause_if_due(c);
    }
  }
}

void Node::State::remove_idle_for_shutdown() {
  std::vector<ContainerId> standing_by;
  for (const auto& [id, c] : pool.all()) {
    if (c.idle() || c.state == ContainerState::prewarmed) standing_by.push_back(id);
  }
  for (const ContainerId id : standing_by) doom(*pool.find(id), RemoveReason::shutdown);
}

void Node::State::refill_stem_cells() {
  if (draining || waiting.size() > 0) return;
  for (const StemCells& cells : settings.stem_cells) {
    const Shape shape{cells.kind, cells.memory_limit};
    const auto backoff = stem_backoff.find(shape);
    if (backoff != stem_backoff.end() && backoff->second.at > now) continue;
    while (pool.stem_cells(shape) < cells.count && ledger.free() >= shape.memory_limit) create(shape, std::nullopt);
  }
}

}  // namespace instainfer::core
