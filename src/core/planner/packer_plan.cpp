// Full plans: describing the problem, taking over the answer (policies.md 6.4).

#include <algorithm>
#include <map>

#include "instainfer/core/plan.hpp"
#include "planner/packer.hpp"

namespace instainfer::core {

std::optional<TimePoint> Packer::full_plan_due() const {
  if (rules_.fill != PackingRules::Fill::exact || changes_ == planned_changes_ || !last_full_plan_) return std::nullopt;
  return *last_full_plan_ + settings_.full_plan_interval;
}

std::optional<PlanProblem> Packer::problem(TimePoint now) {
  if (!last_full_plan_) last_full_plan_ = now;
  const auto due = full_plan_due();
  if (!due || now < *due) return std::nullopt;
  last_full_plan_ = now;
  planned_changes_ = changes_;
  PlanProblem problem{
      .version = ++version_, .cell = settings_.cell, .eta = settings_.eta, .search_budget = settings_.search_budget};
  for (const auto& [key, group] : world_.groups()) describe_group(group, problem, now);
  covered_.clear();
  for (const ProblemBin& bin : problem.bins) covered_.insert(bin.facts.id);
  return problem;
}

void Packer::describe_group(const Group& group, PlanProblem& problem, TimePoint now) const {
  std::set<FunctionId> functions;
  std::size_t bins = 0;
  int total_cells = 0;
  for (const auto& [limit, by_free] : group.bins) {
    for (const auto& [free, id] : by_free) {
      const BinState& bin = *world_.bin(id);
      ProblemBin described{.facts = bin.facts, .life = life_of(bin, now)};
      for (const Copy& copy : bin.copies) {
        if (world_.function(copy.function) == nullptr || copy.doomed) continue;
        functions.insert(copy.function);
        if (copy.reported != HeldState::loading && copy.reported != HeldState::ready) continue;
        described.held.push_back(copy.function);
        if (copy.wanted && is_pinned(copy, now)) described.pinned.push_back(copy.function);
      }
      problem.bins.push_back(std::move(described));
      total_cells += world_.cells(bin.facts.room);
      ++bins;
    }
  }
  if (bins == 0) return;
  // Of one size, no more can matter than fit into all bins together: the problem does not grow with what is deployed.
  for (const auto& [limit, classes] : group.candidates) {
    for (const auto& [size, by_gain] : classes) {
      int left = total_cells / size;
      for (auto it = by_gain.begin(); it != by_gain.end() && left > 0; ++it, --left) functions.insert(it->second);
    }
  }
  for (const FunctionId f : functions) problem.functions.push_back(describe(*world_.function(f), bins, now));
}

ProblemFunction Packer::describe(const FunctionState& f, std::size_t bins, TimePoint now) const {
  ProblemFunction described{.facts = f.facts, .warm_copies = f.warm};
  const bool may_load = gate(f, now) == Gate::open && f.failures < kMaxFailures && now >= f.not_before;
  const int most = std::min(settings_.max_copies, static_cast<int>(bins));
  for (int copies = 1; copies <= most; ++copies) {
    const double fresh = may_load ? std::max(fresh_value(f, copies, Duration::max(), now), 0.0) : 0;
    if (fresh < kLeastGain && copies > static_cast<int>(f.bins.size()) + 1) break;
    described.value.push_back(fresh < kLeastGain ? 0 : fresh);
    described.value_held.push_back(held_value(f, copies, Duration::max(), now));
  }
  return described;
}

double Packer::change_of_value(const FunctionState& f, int fewer_held, int fewer_queued, int more,
                               TimePoint now) const {
  int held = 0;
  for (const ContainerId b : f.bins) held += world_.bin(b)->find(f.facts.id)->reported != HeldState::none ? 1 : 0;
  const int queued = static_cast<int>(f.bins.size()) - held;
  const auto value = [&](int loaded, int to_load) {
    double sum = 0;
    for (int k = 1; k <= loaded; ++k) sum += held_value(f, k, Duration::max(), now);
    for (int k = loaded + 1; k <= loaded + to_load; ++k) sum += fresh_value(f, k, Duration::max(), now);
    return sum;
  };
  return value(held - fewer_held, queued - fewer_queued + more) - value(held, queued);
}

bool Packer::is_worth(const Change& change, TimePoint now) const {
  struct Counts {
    int fewer_held = 0;
    int fewer_queued = 0;
    int more = 0;
  };
  std::map<FunctionId, Counts> counts;
  double lost = 0;
  for (const Placement& p : change.evictions) {
    const Copy& copy = *world_.bin(p.bin)->find(p.function);
    if (copy.reported == HeldState::none) {
      ++counts[p.function].fewer_queued;
    } else {
      ++counts[p.function].fewer_held;
      lost += copy.loss;
    }
  }
  for (const Placement& p : change.additions) ++counts[p.function].more;
  double gain = 0;
  for (const auto& [f, c] : counts) {
    gain += change_of_value(*world_.function(f), c.fewer_held, c.fewer_queued, c.more, now);
  }
  // The rule of one swap, q_new >= (1 + eta) x sum of q_old, summed over all swaps of the plan.
  return gain > 0 && gain >= rules_.eta * lost;
}

void Packer::adopt(const Plan& plan, TimePoint now) {
  if (plan.version != version_) return;
  std::map<ContainerId, std::set<FunctionId>> target;
  for (const Placement& p : plan.target) target[p.bin].insert(p.function);
  std::map<std::pair<NamespaceId, KindId>, Change> changes;
  for (const ContainerId id : std::exchange(covered_, {})) {
    const BinState* bin = world_.bin(id);
    if (bin == nullptr) continue;
    Change& change = changes[{bin->facts.ns, bin->facts.kind}];
    for (const Copy& copy : bin->copies) {
      if (copy.wanted && !target[id].contains(copy.function) && !is_pinned(copy, now)) {
        change.evictions.push_back({id, copy.function});
      }
    }
    for (const FunctionId f : target[id]) {
      const FunctionState* state = world_.function(f);
      const Copy* copy = bin->find(f);
      if (state == nullptr || (copy != nullptr && (copy->wanted || copy->reported == HeldState::offloading))) continue;
      if (!may_hold(*bin, *state) || !worth_loading(*bin, *state, now)) continue;
      if (gate(*state, now) == Gate::open && state->failures < kMaxFailures && now >= state->not_before) {
        change.additions.push_back({id, f});
      }
    }
  }
  for (const auto& [key, change] : changes) {
    if (!is_worth(change, now)) continue;
    for (const Placement& p : change.evictions) evict(*world_.bin(p.bin), {p.function}, now);
    for (const Placement& p : change.additions) {
      BinState& bin = *world_.bin(p.bin);
      FunctionState& f = *world_.function(p.function);
      if (bin.free() < f.facts.bytes || static_cast<int>(f.bins.size()) >= settings_.max_copies) continue;
      revalue(f, now);
      place(bin, f, now);
    }
  }
}

}  // namespace instainfer::core
