#include "node_state.hpp"

namespace instainfer::core {

std::vector<ContainerView> Node::containers() const {
  std::vector<ContainerView> views;
  for (const auto& [id, c] : state_->pool.all()) {
    ContainerView view{.id = id,
                       .kind = c.shape.kind,
                       .ns = c.ns,
                       .state = c.state,
                       .memory_limit = c.shape.memory_limit,
                       .used = c.used,
                       .own = c.own,
                       .active = static_cast<int>(c.active.size())};
    for (const auto& [f, held] : c.holds) view.holds.push_back({f, held.state, held.level, held.bytes});
    if (c.idle()) {
      view.idle_since = c.idle_since;
      view.remove_at = c.remove_at;
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<FunctionView> Node::functions(TimePoint now) const {
  const State& s = *state_;
  std::vector<FunctionView> views;
  for (const auto& [f, function] : s.functions) {
    if (function.removed) continue;
    const double p = s.arrivals->probability(f, now, s.settings.preload.planning.horizon);
    views.push_back({.id = f,
                     .spec = function.spec,
                     .rate = s.arrivals->rate(f, now),
                     .probability = p,
                     .load_time = function.profile.load_time(),
                     .bytes = function.profile.bytes(),
                     .expected_saving = p * seconds(function.profile.load_time()),
                     .measured = function.profile.measured()});
  }
  return views;
}

const Counters& Node::counters() const {
  return state_->counters;
}
Bytes Node::memory_granted() const {
  return state_->ledger.granted();
}
std::size_t Node::waiting() const {
  return state_->waiting.size();
}

std::optional<ProfileSnapshot> Node::profile(FunctionId f, TimePoint now) const {
  const auto it = state_->functions.find(f);
  if (it == state_->functions.end() || it->second.removed) return std::nullopt;
  ProfileSnapshot saved = it->second.profile.snapshot();
  state_->arrivals->save(f, now, saved);
  return saved;
}

Explanation Node::explain(FunctionId f, TimePoint now) const {
  const State& s = *state_;
  const auto it = s.functions.find(f);
  if (it == s.functions.end() || it->second.removed) return {{"unknown_function", 1}};
  const FunctionRecord& function = it->second;
  Explanation terms{{"preloading_enabled", s.settings.preload.enabled ? 1.0 : 0.0},
                    {"preloadable", function.spec.preloadable ? 1.0 : 0.0},
                    {"measured", function.profile.measured() ? 1.0 : 0.0},
                    {"load_seconds", seconds(function.profile.load_time())},
                    {"bytes", static_cast<double>(function.profile.bytes().count)},
                    {"idle_warm_containers", static_cast<double>(s.pool.idle_warm(f).size())},
                    {"containers_holding_it", static_cast<double>(s.pool.holding(f).size())},
                    {"loads_going_on", static_cast<double>(s.loading)}};
  const Explanation planned = s.planner->explain(f, now);
  terms.insert(terms.end(), planned.begin(), planned.end());
  return terms;
}

}  // namespace instainfer::core
