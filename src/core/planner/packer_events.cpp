// What the node tells the planner: events only bring the accounts up to date and mark what decide() has to look at.

#include <algorithm>

#include "planner/packer.hpp"

namespace instainfer::core {

namespace {

constexpr Duration kFirstBackOff = std::chrono::seconds(1);
constexpr Duration kLongestBackOff = std::chrono::seconds(60);

/// What a planner can work with; a size of 0 would make a function fit everywhere for ever.
FunctionFacts sane(FunctionFacts facts) {
  facts.bytes = std::max(facts.bytes, Bytes{1});
  facts.load_time = std::clamp(facts.load_time, Duration::zero(), Duration(std::chrono::hours(24)));
  facts.execution = std::clamp(facts.execution, Duration::zero(), Duration(std::chrono::hours(24)));
  return facts;
}

}  // namespace

void Packer::on_function(const FunctionFacts& raw, TimePoint now) {
  const FunctionFacts facts = sane(raw);
  ++changes_;
  touch(facts.id);
  FunctionState* f = world_.function(facts.id);
  if (f == nullptr) {
    world_.add_function(facts).last_change = now;
    return;
  }
  world_.update_function(*f, facts);
  const std::vector<ContainerId> bins = f->bins;
  for (const ContainerId b : bins) {
    shed(*world_.bin(b), now);
    opened_.insert(b);
  }
}

void Packer::on_function_removed(FunctionId id, TimePoint now) {
  FunctionState* f = world_.function(id);
  if (f == nullptr) return;
  ++changes_;
  const std::vector<ContainerId> bins = f->bins;
  for (const ContainerId b : bins) {
    doom(*world_.bin(b), id, now);
    opened_.insert(b);
  }
  if (f->timer) gates_.erase({*f->timer, id});
  if (f->refresh) refreshes_.erase({*f->refresh, id});
  touched_.erase(id);
  world_.remove_function(id);
}

void Packer::on_arrival(FunctionId id, int in_service, TimePoint now) {
  FunctionState* f = world_.function(id);
  if (f == nullptr) return;
  ++changes_;
  f->in_service = std::max(in_service, 0) + 1;
  f->last_change = now;
  touch(id);
}

void Packer::on_warm_copies(FunctionId id, int idle_warm, TimePoint) {
  FunctionState* f = world_.function(id);
  if (f == nullptr) return;
  idle_warm = std::max(idle_warm, 0);
  if (idle_warm == f->warm) return;
  // A container that became warm is where an activation just ended.
  if (idle_warm > f->warm) f->in_service = std::max(0, f->in_service - (idle_warm - f->warm));
  f->warm = idle_warm;
  touch(id);
}

void Packer::on_bin(const BinFacts& facts, TimePoint now) {
  ++changes_;
  const BinState* known = world_.bin(facts.id);
  const bool room_grew = known == nullptr || facts.room > known->facts.room || facts.own != known->facts.own;
  shed(world_.put_bin(facts), now);
  if (room_grew) opened_.insert(facts.id);
}

void Packer::on_bin_closed(ContainerId id, TimePoint) {
  const BinState* bin = world_.bin(id);
  if (bin == nullptr) return;
  ++changes_;
  for (const Copy& copy : bin->copies) {
    loads_.erase({-copy.urgency, id, copy.function});
    doomed_.erase({id, copy.function});
  }
  opened_.erase(id);
  for (const FunctionId f : world_.remove_bin(id)) touch(f);
}

void Packer::on_held(ContainerId b, FunctionId id, HeldState state, TimePoint now) {
  BinState* bin = world_.bin(b);
  if (bin == nullptr) return;
  FunctionState* f = world_.function(id);
  if (const Copy* copy = bin->find(id); copy != nullptr && copy->reported == HeldState::none) {
    loads_.erase({-copy->urgency, b, id});
  }
  const Copy* before = bin->find(id);
  const bool is_new = before == nullptr;
  const bool was_there = before != nullptr && before->reported != HeldState::none;
  world_.report(*bin, id, f == nullptr ? Bytes{} : f->facts.bytes, state, now);

  const bool present = state == HeldState::loading || state == HeldState::ready;
  if (present && is_new) {
    // Not our doing: it came back with the bin, or was loaded under an earlier plan.
    if (f != nullptr && may_hold(*bin, *f)) {
      world_.place(*bin, *f);
      touch(id);
      shed(*bin, now);
    } else {
      bin->find(id)->doomed = true;
      doomed_.insert({b, id});
    }
  }
  if (present && rules_.residency > 0 && f != nullptr && !was_there) releases_.emplace(now + residency(*f), b);
  if (state == HeldState::ready && f != nullptr) f->failures = 0;
  // Not our doing either: the container outgrew its room. It has to find its place anew.
  if (state == HeldState::offloading) unplace(*bin, id, now);
  if (state != HeldState::none) return;

  doomed_.erase({b, id});
  if (const Copy* copy = bin->find(id)) {
    if (f != nullptr && now < f->not_before) {
      unplace(*bin, id, now);
    } else if (copy->wanted) {
      loads_.insert({-copy->urgency, b, id});
    }
  }
  touch(id);
  opened_.insert(b);
}

void Packer::on_load_failed(FunctionId id, TimePoint now) {
  FunctionState* f = world_.function(id);
  if (f == nullptr) return;
  ++changes_;
  const Duration wait = std::min(kLongestBackOff, kFirstBackOff * (std::int64_t{1} << std::min(f->failures, 6)));
  ++f->failures;
  f->not_before = std::max(f->not_before, now + wait);
  const std::vector<ContainerId> bins = f->bins;
  for (const ContainerId b : bins) {
    BinState& bin = *world_.bin(b);
    if (bin.find(id)->reported != HeldState::none) continue;
    unplace(bin, id, now);
    opened_.insert(b);
  }
  touch(id);
}

}  // namespace instainfer::core
