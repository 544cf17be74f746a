// Why a function is or is not loaded, in numbers.

#include <algorithm>

#include "planner/packer.hpp"

namespace instainfer::core {

Explanation Packer::explain(FunctionId id, TimePoint now) const {
  const FunctionState* f = world_.function(id);
  if (f == nullptr) return {{"unknown_function", 1}};
  const double chance = arrivals_.probability(id, now, settings_.horizon);
  const int planned = static_cast<int>(f->bins.size());
  int ready = 0;
  for (const ContainerId b : f->bins) ready += world_.bin(b)->find(id)->reported == HeldState::ready ? 1 : 0;
  Explanation terms{{"arrivals_per_second", arrivals_.rate(id, now)},
                    {"probability", chance},
                    {"load_seconds", seconds(f->facts.load_time)},
                    {"expected_saving_seconds", chance * seconds(f->facts.load_time)},
                    {"gain_of_another_copy_seconds", fresh_value(*f, planned + 1, Duration::max(), now)},
                    {"copies_warm", static_cast<double>(f->warm)},
                    {"copies_planned", static_cast<double>(planned)},
                    {"copies_ready", static_cast<double>(ready)}};
  if (const auto window = arrivals_.window(id, now)) {
    if (now < window->load_at) terms.push_back({"not_yet_for_seconds", seconds(window->load_at - now)});
    if (now >= window->offload_at) terms.push_back({"given_up_since_seconds", seconds(now - window->offload_at)});
  }
  if (f->failures >= kMaxFailures) {
    terms.push_back({"never_again_after_failures", static_cast<double>(f->failures)});
  } else if (now < f->not_before) {
    terms.push_back({"waits_for_seconds", seconds(f->not_before - now)});
  }
  if (planned == 0 && !has_legal_bin(*f)) terms.push_back({"no_bin_is_large_enough", 1});
  return terms;
}

bool Packer::has_legal_bin(const FunctionState& f) const {
  const auto group = world_.groups().find({f.facts.ns, f.facts.kind});
  if (group == world_.groups().end()) return false;
  for (auto limit = group->second.bins.lower_bound(f.facts.memory_limit); limit != group->second.bins.end(); ++limit) {
    for (const auto& [free, id] : limit->second) {
      if (may_hold(*world_.bin(id), f)) return true;
    }
  }
  return false;
}

}  // namespace instainfer::core
