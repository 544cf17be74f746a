#include "planner/world.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace instainfer::core {

namespace {

template <typename Copies>
auto find_copy(Copies& copies, FunctionId f) {
  const auto it = std::ranges::lower_bound(copies, f, {}, &Copy::function);
  return it != copies.end() && it->function == f ? &*it : nullptr;
}

}  // namespace

Copy* BinState::find(FunctionId f) {
  return find_copy(copies, f);
}
const Copy* BinState::find(FunctionId f) const {
  return find_copy(copies, f);
}

FunctionState* World::function(FunctionId f) {
  const auto it = functions_.find(f);
  return it == functions_.end() ? nullptr : &it->second;
}

const FunctionState* World::function(FunctionId f) const {
  return const_cast<World*>(this)->function(f);
}

BinState* World::bin(ContainerId b) {
  const auto it = bins_.find(b);
  return it == bins_.end() ? nullptr : &it->second;
}

const BinState* World::bin(ContainerId b) const {
  return const_cast<World*>(this)->bin(b);
}

FunctionState& World::add_function(const FunctionFacts& facts) {
  FunctionState& f = functions_[facts.id];
  f.facts = facts;
  return f;
}

void World::remove_function(FunctionId f) {
  if (FunctionState* state = function(f)) set_candidate(*state, std::nullopt);
  functions_.erase(f);
}

void World::update_function(FunctionState& f, const FunctionFacts& facts) {
  set_candidate(f, std::nullopt);
  const Bytes more = facts.bytes - f.facts.bytes;
  f.facts = facts;
  for (const ContainerId id : f.bins) {
    BinState& b = *bin(id);
    Copy& copy = *b.find(facts.id);
    copy.bytes += more;
    b.planned += more;
    if (copy.reported != HeldState::none) b.used += more;
    reindex(b);
  }
}

BinState& World::put_bin(const BinFacts& facts) {
  BinState& b = bins_[facts.id];
  unindex(b);
  b.facts = facts;
  reindex(b);
  return b;
}

std::vector<FunctionId> World::remove_bin(ContainerId id) {
  BinState* b = bin(id);
  std::vector<FunctionId> lost;
  if (b == nullptr) return lost;
  unindex(*b);
  for (const Copy& copy : b->copies) {
    if (!copy.wanted) continue;
    lost.push_back(copy.function);
    if (FunctionState* f = function(copy.function)) std::erase(f->bins, id);
  }
  bins_.erase(id);
  return lost;
}

void World::place(BinState& b, FunctionState& f) {
  Copy* copy = b.find(f.facts.id);
  if (copy == nullptr) {
    const auto at = std::ranges::lower_bound(b.copies, f.facts.id, {}, &Copy::function);
    copy = &*b.copies.insert(at, Copy{.function = f.facts.id, .bytes = f.facts.bytes});
  }
  if (copy->wanted) return;
  if (copy->reported != HeldState::none) b.used += f.facts.bytes - copy->bytes;
  copy->bytes = f.facts.bytes;
  copy->wanted = true;
  copy->doomed = false;
  b.planned += copy->bytes;
  f.bins.insert(std::ranges::lower_bound(f.bins, b.facts.id), b.facts.id);
  reindex(b);
}

void World::unplace(BinState& b, FunctionId id) {
  Copy* copy = b.find(id);
  if (copy == nullptr || !copy->wanted) return;
  copy->wanted = false;
  b.planned -= copy->bytes;
  if (FunctionState* f = function(id)) std::erase(f->bins, b.facts.id);
  drop_if_gone(b, id);
  reindex(b);
}

void World::report(BinState& b, FunctionId id, Bytes bytes, HeldState state, TimePoint now) {
  Copy* copy = b.find(id);
  if (copy == nullptr) {
    if (state == HeldState::none) return;
    const auto at = std::ranges::lower_bound(b.copies, id, {}, &Copy::function);
    copy = &*b.copies.insert(at, Copy{.function = id, .bytes = bytes});
  }
  const bool was = copy->reported != HeldState::none;
  const bool is = state != HeldState::none;
  if (is && !was) {
    b.used += copy->bytes;
    copy->since = now;
  }
  if (was && !is) b.used -= copy->bytes;
  copy->reported = state;
  drop_if_gone(b, id);
}

void World::drop_if_gone(BinState& b, FunctionId id) {
  std::erase_if(b.copies, [id](const Copy& copy) {
    return copy.function == id && !copy.wanted && copy.reported == HeldState::none;
  });
}

void World::unindex(BinState& b) {
  const auto group = groups_.find({b.facts.ns, b.facts.kind});
  if (group == groups_.end()) return;
  const auto bins = group->second.bins.find(b.facts.memory_limit);
  if (bins != group->second.bins.end()) {
    count(bins->second.size());
    bins->second.erase({b.free_key, b.facts.id});
    if (bins->second.empty()) group->second.bins.erase(bins);
  }
  if (!b.loss_key) return;
  count(group->second.by_loss.size());
  group->second.by_loss.erase({*b.loss_key, b.facts.id});
  b.loss_key.reset();
}

void World::reindex(BinState& b) {
  unindex(b);
  Group& group = group_of(b.facts.ns, b.facts.kind);
  b.free_key = b.free();
  auto& bins = group.bins[b.facts.memory_limit];
  bins.emplace(b.free_key, b.facts.id);
  count(bins.size());
  double cheapest = std::numeric_limits<double>::infinity();
  for (const Copy& copy : b.copies) {
    if (copy.wanted) cheapest = std::min(cheapest, copy.loss);
  }
  if (cheapest == std::numeric_limits<double>::infinity()) return;
  b.loss_key = cheapest;
  group.by_loss.emplace(cheapest, b.facts.id);
  count(group.by_loss.size());
}

void World::set_candidate(FunctionState& f, std::optional<double> gain) {
  if (f.gain_key == gain && (!gain || f.class_key == cells(f.facts.bytes))) return;
  Group& group = group_of(f.facts.ns, f.facts.kind);
  auto& classes = group.candidates[f.facts.memory_limit];
  if (f.gain_key) {
    auto& old = classes[f.class_key];
    count(old.size());
    old.erase({-*f.gain_key, f.facts.id});
    if (old.empty()) classes.erase(f.class_key);
  }
  f.gain_key = gain;
  if (!gain) {
    if (classes.empty()) group.candidates.erase(f.facts.memory_limit);
    return;
  }
  f.class_key = cells(f.facts.bytes);
  auto& set = classes[f.class_key];
  set.emplace(-*gain, f.facts.id);
  count(set.size());
}

int World::cells(Bytes bytes) const {
  const std::int64_t n = (std::max<std::int64_t>(bytes.count, 1) + cell_.count - 1) / cell_.count;
  return static_cast<int>(std::min<std::int64_t>(n, std::numeric_limits<int>::max()));
}

void World::count(std::size_t size_of_index) const {
  steps_ += static_cast<std::uint64_t>(std::bit_width(size_of_index + 1));
}

}  // namespace instainfer::core
