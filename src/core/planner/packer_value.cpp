// What a copy is worth now (policies.md 6.2), and when that changes by itself.

#include <algorithm>
#include <cmath>

#include "planner/packer.hpp"

namespace instainfer::core {

namespace {

constexpr Duration kFirstRefresh = std::chrono::seconds(2);

}  // namespace

Duration Packer::life_of(const BinState& bin, TimePoint now) {
  return bin.facts.expected_end == TimePoint::max() ? Duration::max() : bin.facts.expected_end - now;
}

Packer::Gate Packer::gate(const FunctionState& f, TimePoint now) const {
  const auto window = arrivals_.window(f.facts.id, now);
  if (!window || now >= window->offload_at) return Gate::late;
  return now < window->load_at ? Gate::early : Gate::open;
}

double Packer::need(const FunctionState& f, int copies, Duration within, TimePoint now) const {
  return arrivals_.probability_of_copies(f.facts.id, now, within, f.in_service + f.warm + copies, f.facts.execution,
                                         f.in_service);
}

double Packer::fresh_value(const FunctionState& f, int copies, Duration life, TimePoint now) const {
  const Duration within = rules_.within_life ? std::min(life, settings_.longest_life) : settings_.horizon;
  double chance = need(f, copies, within, now);
  if (rules_.minus_load_time) chance -= need(f, copies, std::min(f.facts.load_time, within), now);
  return seconds(f.facts.load_time) * (chance - rules_.kappa);
}

double Packer::held_value(const FunctionState& f, int copies, Duration life, TimePoint now) const {
  const Duration within = rules_.within_life ? std::min(life, settings_.longest_life) : settings_.horizon;
  return seconds(f.facts.load_time) * need(f, copies, within, now);
}

bool Packer::displaces(double gain, double loss) const {
  return gain > loss && gain >= (1 + rules_.eta) * loss;
}

bool Packer::is_pinned(const Copy& copy, TimePoint now) const {
  if (copy.reported == HeldState::none) return false;
  if (copy.reported == HeldState::loading) return true;
  const FunctionState* f = world_.function(copy.function);
  return f != nullptr && now < copy.since + residency(*f);
}

bool Packer::may_hold(const BinState& bin, const FunctionState& f) const {
  return bin.facts.ns == f.facts.ns && bin.facts.kind == f.facts.kind &&
         bin.facts.memory_limit >= f.facts.memory_limit && bin.facts.own != f.facts.id &&
         bin.facts.room >= f.facts.bytes;
}

bool Packer::worth_loading(const BinState& bin, const FunctionState& f, TimePoint now) const {
  return life_of(bin, now) > f.facts.load_time * 2 + bin.facts.resume_cost;
}

bool Packer::accepts(const BinState& bin, const FunctionState& f, TimePoint now) const {
  if (!may_hold(bin, f)) return false;
  const Copy* copy = bin.find(f.facts.id);
  if (copy == nullptr) {
    return worth_loading(bin, f, now) && (!rules_.within_life || fresh_value(f, static_cast<int>(f.bins.size()) + 1,
                                                                             life_of(bin, now), now) >= kLeastGain);
  }
  // A copy that was to make room and is still there may stay after all; one that is being wiped must be gone first.
  return !copy->wanted && copy->reported != HeldState::offloading;
}

void Packer::revalue(FunctionState& f, TimePoint now) {
  const Duration silence = now - f.last_change;
  // Nothing tells when an activation ended whose container did not come back; do not believe in it for ever.
  if (f.in_service > 0 && silence > f.facts.execution * 10 + std::chrono::seconds(60)) f.in_service = 0;
  f.rate = arrivals_.rate(f.facts.id, now);
  const int copies = static_cast<int>(f.bins.size());
  const Gate state = gate(f, now);
  if (state == Gate::late) {
    const std::vector<ContainerId> bins = f.bins;
    for (const ContainerId b : bins) doom(*world_.bin(b), f.facts.id, now);
  } else if (copies > 0) {
    const double loss = held_value(f, copies, Duration::max(), now);
    for (const ContainerId b : f.bins) set_loss(*world_.bin(b), f.facts.id, loss);
  }
  f.gain = fresh_value(f, copies + 1, Duration::max(), now);
  const bool candidate = state == Gate::open && f.failures < kMaxFailures && now >= f.not_before &&
                         copies < settings_.max_copies && std::isfinite(f.gain) && f.gain >= kLeastGain;
  world_.set_candidate(f, candidate ? std::optional(f.gain) : std::nullopt);
  set_timer(f, now);
  touched_.erase(f.facts.id);
}

void Packer::set_timer(FunctionState& f, TimePoint now) {
  if (f.timer) gates_.erase({*f.timer, f.facts.id});
  f.timer.reset();
  const auto window = arrivals_.window(f.facts.id, now);
  TimePoint next = TimePoint::max();
  if (window) {
    if (window->load_at > now) next = window->load_at;
    if (window->offload_at > now) next = std::min(next, window->offload_at);
  }
  if (f.not_before > now && f.failures < kMaxFailures) next = std::min(next, f.not_before);
  if (next != TimePoint::max()) {
    f.timer = next;
    gates_.emplace(next, f.facts.id);
  }
  if (f.refresh) refreshes_.erase({*f.refresh, f.facts.id});
  f.refresh = now + std::max<Duration>(kFirstRefresh, (now - f.last_change) / 4);
  refreshes_.emplace(*f.refresh, f.facts.id);
  world_.count(gates_.size());
  world_.count(refreshes_.size());
}

void Packer::set_loss(BinState& bin, FunctionId id, double loss) {
  Copy& copy = *bin.find(id);
  if (copy.loss == loss) return;
  copy.loss = loss;
  world_.reindex(bin);
}

double Packer::value_held(ContainerId b, FunctionId id, TimePoint now) const {
  const BinState* bin = world_.bin(b);
  const FunctionState* f = world_.function(id);
  if (bin == nullptr || f == nullptr) return 0;
  const Duration life = life_of(*bin, now);
  const int copies = static_cast<int>(f->bins.size());
  if (bin->facts.own == id) return held_value(*f, copies, life, now);
  const Copy* copy = bin->find(id);
  if (copy == nullptr) return 0;
  if (copy->reported != HeldState::loading && copy->reported != HeldState::ready) return 0;
  return held_value(*f, copies + (copy->wanted ? 0 : 1), life, now);
}

}  // namespace instainfer::core
