#include "pool.hpp"

#include <algorithm>

namespace instainfer::core {

Container& Pool::add(Container container) {
  const ContainerId id = container.id;
  Container& stored = containers_.emplace(id, std::move(container)).first->second;
  reindex(stored);
  return stored;
}

void Pool::erase(ContainerId id) {
  const auto entry = entries_.find(id);
  if (entry != entries_.end()) {
    remove_entry(id, entry->second);
    entries_.erase(entry);
  }
  containers_.erase(id);
}

void Pool::reindex(const Container& container) {
  Entry& entry = entries_[container.id];
  remove_entry(container.id, entry);
  entry = entry_of(container);
  insert_entry(container.id, entry);
}

Container* Pool::find(ContainerId id) {
  const auto it = containers_.find(id);
  return it == containers_.end() ? nullptr : &it->second;
}

int Pool::stem_cells(const Shape& shape) const {
  return static_cast<int>(in(stems_, shape).size());
}

std::optional<std::pair<TimePoint, ContainerId>> Pool::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return *deadlines_.begin();
}

Pool::Entry Pool::entry_of(const Container& c) const {
  Entry entry;
  const bool stem = !c.ns && c.pending.empty() && c.state != ContainerState::removing;
  if (stem) entry.stem = c.shape;
  if (stem && c.state == ContainerState::prewarmed && !c.doomed) entry.prewarmed = c.shape;
  if (c.doomed) return entry;

  if (c.own && !c.idle() && c.state != ContainerState::removing) {
    const auto it = concurrency_.find(*c.own);
    const std::size_t limit = it == concurrency_.end() ? 1 : static_cast<std::size_t>(std::max(1, it->second));
    if (c.active.size() + c.pending.size() < limit) entry.spare = *c.own;
  }
  if (!c.idle()) return entry;
  entry.idle = c.shape.memory_limit;
  if (c.own) entry.warm = {*c.own, c.idle_since};
  for (const auto& [f, held] : c.holds) {
    if (held.state == HeldState::ready || held.state == HeldState::loading) entry.held.push_back(f);
  }
  // remove_at itself still finds it warm (keep_alive.hpp).
  const TimePoint removal = c.remove_at == TimePoint::max() ? c.remove_at : c.remove_at + Duration{1};
  const bool may_pause = c.state == ContainerState::idle && !c.thawing && !c.moving();
  const TimePoint deadline = may_pause ? std::min(c.pause_at, removal) : removal;
  if (deadline != TimePoint::max()) entry.deadline = deadline;
  return entry;
}

void Pool::remove_entry(ContainerId id, const Entry& entry) {
  const auto drop = [](auto& map, const auto& key, const auto& value) {
    const auto it = map.find(key);
    if (it == map.end()) return;
    it->second.erase(value);
    if (it->second.empty()) map.erase(it);
  };
  if (entry.warm) drop(idle_warm_, entry.warm->first, std::pair{entry.warm->second, id});
  if (entry.spare) drop(spare_, *entry.spare, id);
  for (const FunctionId f : entry.held) drop(holding_, f, id);
  if (entry.prewarmed) drop(prewarmed_, *entry.prewarmed, id);
  if (entry.stem) {
    drop(stems_, *entry.stem, id);
    stem_bytes_ -= entry.stem->memory_limit;
  }
  if (entry.deadline) deadlines_.erase({*entry.deadline, id});
  idle_bytes_ -= entry.idle;
}

void Pool::insert_entry(ContainerId id, const Entry& entry) {
  if (entry.warm) idle_warm_[entry.warm->first].insert({entry.warm->second, id});
  if (entry.spare) spare_[*entry.spare].insert(id);
  for (const FunctionId f : entry.held) holding_[f].insert(id);
  if (entry.prewarmed) prewarmed_[*entry.prewarmed].insert(id);
  if (entry.stem) {
    stems_[*entry.stem].insert(id);
    stem_bytes_ += entry.stem->memory_limit;
  }
  if (entry.deadline) deadlines_.insert({*entry.deadline, id});
  idle_bytes_ += entry.idle;
}

}  // namespace instainfer::core
