#include <algorithm>
#include <ranges>

#include "node_state.hpp"

namespace instainfer::core {
namespace {

/// Copies of one function that a placement looks at: newest warm ones, and preloaded ones (a planner keeps fewer).
constexpr std::size_t kCopiesConsidered = 8;

}  // namespace

std::optional<Place> Node::State::choose(const FunctionRecord& function, FunctionId f, Reach reach) const {
  std::vector<Place> places;
  add_warm_places(function, f, places);
  // Rule 4: with a warm container there is nothing to create, whatever else that container holds.
  const bool warm = !places.empty();
  add_preloaded_places(function, f, places);
  if (!warm) {
    add_prewarmed_place(function, f, places);
    if (reach == Reach::anywhere) add_new_place(function, f, places);
  }
  if (places.empty()) return std::nullopt;
  return *std::ranges::max_element(places, [&](const Place& a, const Place& b) { return better(b, a, function); });
}

void Node::State::add_warm_places(const FunctionRecord& function, FunctionId f, std::vector<Place>& places) const {
  for (const auto& [since, id] : pool.idle_warm(f) | std::views::reverse | std::views::take(kCopiesConsidered)) {
    const Container& c = pool.all().at(id);
    if (c.shape.memory_limit < function.spec.memory_limit) continue;
    places.push_back({.kind = Place::Kind::existing,
                      .container = id,
                      .start = StartType::warm,
                      .level = PreloadLevel::initialised,
                      .cost = start_cost(StartType::warm, start_times(function, &c)),
                      .destroyed = value_destroyed(c, f),
                      .age = since});
  }
  const auto& spare = pool.with_spare_slot(f);
  if (spare.empty()) return;
  const Container& c = pool.all().at(*spare.rbegin());
  const StartType start = c.own_ready ? StartType::warm : StartType::preloading;
  places.push_back({.kind = Place::Kind::existing,
                    .container = c.id,
                    .start = start,
                    .level = c.own_ready ? PreloadLevel::initialised : PreloadLevel::none,
                    .cost = start_cost(start, start_times(function, &c)),
                    .age = c.state_since});
}

void Node::State::add_preloaded_places(const FunctionRecord& function, FunctionId f, std::vector<Place>& places) const {
  for (const ContainerId id : pool.holding(f) | std::views::take(kCopiesConsidered)) {
    const Container& c = pool.all().at(id);
    const Held& held = c.holds.at(f);
    if (!held.sent) continue;
    StartTimes times = start_times(function, &c);
    times.remaining = std::max(Duration{}, times.load - (now - held.since));
    const StartType start = held.state == HeldState::ready ? StartType::preloaded : StartType::preloading;
    places.push_back({.kind = Place::Kind::existing,
                      .container = id,
                      .start = start,
                      .level = held.level,
                      .cost = start_cost(start, times),
                      .destroyed = value_destroyed(c, f),
                      .age = c.idle_since});
  }
}

void Node::State::add_prewarmed_place(const FunctionRecord& function, FunctionId f, std::vector<Place>& places) const {
  const auto& cells = pool.prewarmed({function.spec.kind, function.spec.memory_limit});
  if (cells.empty()) return;
  const Container& c = pool.all().at(*cells.begin());
  places.push_back({.kind = Place::Kind::existing,
                    .container = c.id,
                    .start = StartType::prewarmed,
                    .level = PreloadLevel::libraries,
                    .cost = start_cost(StartType::prewarmed, start_times(function, &c)),
                    .destroyed = value_destroyed(c, f),
                    .age = c.state_since});
}

void Node::State::add_new_place(const FunctionRecord& function, FunctionId f, std::vector<Place>& places) const {
  const Bytes missing = function.spec.memory_limit - ledger.unpromised();
  if (missing > pool.idle_bytes() && !may_remove_stem_cells(missing)) return;
  Place place{.kind = missing > Bytes{} ? Place::Kind::evict : Place::Kind::create,
              .cost = start_cost(StartType::cold, start_times(function, nullptr))};
  const std::optional<ContainerId> victim = keep_alive->victim();
  if (place.kind == Place::Kind::evict && victim) place.destroyed = value_destroyed(pool.all().at(*victim), f);
  places.push_back(place);
}

bool Node::State::better(const Place& a, const Place& b, const FunctionRecord& function) const {
  const auto order = [](const Place& p) { return std::tuple(p.start, p.kind == Place::Kind::create); };
  // Unknown costs count as the order of start types does; so does OpenWhisk.
  const bool by_cost = settings.preload.enabled && function.profile.measured();
  if (by_cost) {
    const double cost_a = seconds(a.cost) + a.destroyed;
    const double cost_b = seconds(b.cost) + b.destroyed;
    if (cost_a != cost_b) return cost_a < cost_b;
  }
  if (order(a) != order(b)) return order(a) > order(b);
  if (a.destroyed != b.destroyed) return a.destroyed < b.destroyed;
  return std::tuple(a.age, b.container) > std::tuple(b.age, a.container);
}

StartTimes Node::State::start_times(const FunctionRecord& function, const Container* c) const {
  const Duration load = function.profile.load_time();
  StartTimes times{.create = create_time(function.spec.kind), .load = load, .remaining = load};
  if (c == nullptr) return times;
  if (c->idle() && c->state != ContainerState::idle) times.resume = resume_time.value_or(settings.preload.resume_cost);
  if (c->state == ContainerState::creating) times.remaining += times.create;
  times.remaining = std::max(Duration{}, times.remaining - (now - c->state_since));
  return times;
}

double Node::State::value_destroyed(const Container& c, FunctionId f) const {
  if (!settings.preload.enabled) return 0;
  const bool owner_dies = c.own && *c.own != f;
  Duration reload = owner_dies ? load_time_of(*c.own) : Duration{};
  for (const auto& [g, held] : c.holds) {
    if (g != f) reload += load_time_of(g);
  }
  // What dies is loaded again once the call is through: lost are the calls that come before that, not all of the
  // horizon.
  const Duration absence = functions.at(f).profile.execution() + reload / settings.preload.concurrent_loads;

  double sum = owner_dies ? owner_value(c, absence) : 0;
  for (const auto& [g, held] : c.holds) {
    if (g == f || held.state == HeldState::offloading) continue;
    const double meanwhile = arrivals->probability(g, now, absence) * seconds(load_time_of(g));
    sum += std::min(planner->value_held(c.id, g, now), meanwhile);
  }
  return sum;
}

double Node::State::owner_value(const Container& c, Duration absence) const {
  const auto it = functions.find(*c.own);
  if (it == functions.end() || it->second.removed) return 0;
  const FunctionRecord& owner_function = it->second;
  const Duration horizon = std::min(absence, c.remove_at - now);
  const int copies = std::max(1, static_cast<int>(pool.idle_warm(*c.own).size()));
  const double p = arrivals->probability_of_copies(*c.own, now, horizon, copies, owner_function.profile.execution(),
                                                   owner_function.in_service);
  return p * seconds(owner_function.profile.load_time());
}

Duration Node::State::load_time_of(FunctionId f) const {
  const auto it = functions.find(f);
  return it == functions.end() ? Duration{} : it->second.profile.load_time();
}

Duration Node::State::create_time(KindId kind) const {
  const auto it = create_times.find(kind);
  return it == create_times.end() ? settings.create_cost : it->second;
}

}  // namespace instainfer::core
