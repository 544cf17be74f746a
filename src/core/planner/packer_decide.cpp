// From marks to steps: timers, values, places, and the difference to what was reported.

#include <algorithm>
#include <unordered_map>

#include "planner/packer.hpp"

namespace instainfer::core {

namespace {

/// How many silent functions are valued again in one decide().
constexpr int kRefreshes = 8;

}  // namespace

void Packer::run_timers(TimePoint now) {
  while (!gates_.empty() && gates_.begin()->first <= now) {
    touch(gates_.begin()->second);
    world_.function(gates_.begin()->second)->timer.reset();
    gates_.erase(gates_.begin());
    world_.count(gates_.size());
  }
  for (int n = 0; n < kRefreshes && !refreshes_.empty() && refreshes_.begin()->first <= now; ++n) {
    FunctionState& f = *world_.function(refreshes_.begin()->second);
    f.refresh.reset();
    refreshes_.erase(refreshes_.begin());
    world_.count(refreshes_.size());
    const bool was_touched = touched_.contains(f.facts.id);
    const double before = f.gain;
    revalue(f, now);
    // Silence lowers a value; then there is nothing to place. It rises only when an activation is no longer believed to
    // run.
    if (was_touched || f.gain > before) touch(f.facts.id);
    // A copy that lost worth in silence may now have to make room for another. Exact bins leave that to the full plan.
    if (rules_.fill == PackingRules::Fill::greedy) opened_.insert(f.bins.begin(), f.bins.end());
  }
  while (!releases_.empty() && releases_.begin()->first <= now) {
    if (world_.bin(releases_.begin()->second) != nullptr) opened_.insert(releases_.begin()->second);
    releases_.erase(releases_.begin());
    world_.count(releases_.size());
  }
}

PlanSteps Packer::decide(TimePoint now, int load_slots) {
  run_timers(now);
  for (const FunctionId id : std::exchange(touched_, {})) {
    FunctionState* f = world_.function(id);
    if (f == nullptr) continue;
    revalue(*f, now);
    if (f->gain_key) unplaced_.emplace(-f->gain, id);
  }
  // An opened bin is packed as a whole; the greedy packer instead lets every function choose first, the best one before
  // all.
  if (rules_.fill == PackingRules::Fill::exact) fill_opened(now);
  work(now);
  if (rules_.fill == PackingRules::Fill::greedy) fill_opened(now);
  work(now);
  return difference(now, load_slots);
}

void Packer::fill_opened(TimePoint now) {
  for (const ContainerId id : std::exchange(opened_, {})) {
    if (BinState* bin = world_.bin(id)) fill(*bin, now);
  }
}

PlanSteps Packer::difference(TimePoint now, int load_slots) {
  PlanSteps steps;
  for (const Placement& p : doomed_) {
    const Copy* copy = world_.bin(p.bin)->find(p.function);
    if (copy->reported == HeldState::ready) steps.offloads.push_back(p);
  }
  std::unordered_map<ContainerId, Bytes> begun;  // room taken by the loads of this very answer
  std::vector<Placement> hopeless;
  int slots = load_slots;
  for (auto it = loads_.begin(); it != loads_.end() && slots > 0; ++it) {
    BinState& bin = *world_.bin(it->bin);
    const FunctionState& f = *world_.function(it->function);
    if (!worth_loading(bin, f, now)) {
      hopeless.push_back({it->bin, it->function});
      continue;
    }
    --slots;
    const Bytes lacking = bin.used + begun[it->bin] + f.facts.bytes - bin.facts.room;
    if (lacking <= Bytes{}) {
      begun[it->bin] += f.facts.bytes;
      steps.loads.push_back({it->bin, it->function});
    } else {
      make_room(bin, lacking, steps);
    }
  }
  for (const Placement& p : hopeless) unplace(*world_.bin(p.bin), p.function, now);
  return steps;
}

void Packer::make_room(const BinState& bin, Bytes lacking, PlanSteps& steps) {
  // A victim stays useful until its successor's turn has come. The slot waits for the offloads: nothing else would
  // start sooner.
  for (const Copy& copy : bin.copies) {
    if (copy.reported == HeldState::offloading || (copy.doomed && copy.reported == HeldState::ready))
      lacking -= copy.bytes;
  }
  for (const Copy& copy : bin.copies) {
    if (lacking <= Bytes{}) return;
    if (copy.wanted || copy.doomed || copy.reported != HeldState::ready) continue;
    const Placement victim{bin.facts.id, copy.function};
    if (std::ranges::find(steps.offloads, victim) != steps.offloads.end()) continue;
    steps.offloads.push_back(victim);
    lacking -= copy.bytes;
  }
}

std::optional<TimePoint> Packer::wake(TimePoint now) const {
  if (!touched_.empty() || !opened_.empty() || !unplaced_.empty()) return now;
  std::optional<TimePoint> next;
  const auto consider = [&](TimePoint t) { next = std::max(now, next ? std::min(*next, t) : t); };
  if (!gates_.empty()) consider(gates_.begin()->first);
  if (full_plan_due()) consider(*full_plan_due());
  if (!releases_.empty()) consider(releases_.begin()->first);
  return next;
}

}  // namespace instainfer::core
