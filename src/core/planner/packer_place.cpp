// Finding a place for a function: a bin with room, else the cheapest victims (policies.md 6.4 to 6.6, design.md 4).

#include <algorithm>
#include <bit>
#include <limits>

#include "planner/packer.hpp"

namespace instainfer::core {

namespace {

/// How many bins are looked at for one function. Constants, so that the work does not grow with the number of bins.
constexpr int kBinsWithRoom = 16;
constexpr int kBinsToEvictFrom = 16;
/// Of how many of a bin's copies every subset is tried as victims (2^10); above that, cheapest per byte first.
constexpr std::size_t kSubsets = 10;
/// Placements tried in one decide(). What is left goes on with the next event; wake() says so.
constexpr int kAttempts = 256;

struct Victim {
  FunctionId function;
  Bytes bytes;
  double loss;
};

/// The cheapest subset that frees `needed`, as a bit mask over `victims`. All of them together free enough.
std::uint32_t cheapest_subset(const std::vector<Victim>& victims, Bytes needed) {
  std::uint32_t best = 0;
  double best_loss = std::numeric_limits<double>::infinity();
  for (std::uint32_t mask = 1; mask < (1U << victims.size()); ++mask) {
    Bytes freed;
    double loss = 0;
    for (std::size_t i = 0; i < victims.size(); ++i) {
      if ((mask >> i & 1U) == 0) continue;
      freed += victims[i].bytes;
      loss += victims[i].loss;
    }
    const bool better = loss < best_loss || (loss == best_loss && std::popcount(mask) < std::popcount(best));
    if (freed >= needed && better) {
      best = mask;
      best_loss = loss;
    }
  }
  return best;
}

}  // namespace

void Packer::work(TimePoint now) {
  for (int attempts = 0; attempts < kAttempts && !unplaced_.empty(); ++attempts) {
    const FunctionId id = unplaced_.begin()->second;
    unplaced_.erase(unplaced_.begin());
    FunctionState* f = world_.function(id);
    if (f == nullptr || !f->gain_key) continue;
    if (try_place(*f, now)) unplaced_.emplace(-f->gain, id);
  }
}

bool Packer::try_place(FunctionState& f, TimePoint now) {
  if (BinState* bin = find_room(f, now)) {
    place(*bin, f, now);
    return true;
  }
  const auto eviction = find_eviction(f, now);
  if (!eviction) return false;
  evict_and_place(*eviction, f, now);
  return true;
}

BinState* Packer::find_room(const FunctionState& f, TimePoint now) {
  BinState* best = nullptr;
  double best_churn = 0;
  int looked_at = 0;
  const Group& group = world_.group_of(f.facts.ns, f.facts.kind);
  for (auto limit = group.bins.lower_bound(f.facts.memory_limit); limit != group.bins.end(); ++limit) {
    const auto& bins = limit->second;
    world_.count(bins.size());
    for (auto it = bins.lower_bound({f.facts.bytes, ContainerId{}}); it != bins.end(); ++it) {
      if (++looked_at > kBinsWithRoom) return best;
      BinState& bin = *world_.bin(it->second);
      if (!accepts(bin, f, now)) continue;
      const double value = rules_.fit == PackingRules::Fit::least_churn ? churn(bin, f) : 0;
      const bool better = best == nullptr || value < best_churn || (value == best_churn && bin.free() < best->free());
      if (!better) continue;
      best = &bin;
      best_churn = value;
    }
  }
  return best;
}

double Packer::churn(const BinState& bin, const FunctionState& f) const {
  // policies.md 6.2: who is called kills the others, so hot functions go beside light ones and cold beside heavy ones. That
  // holds for the owner of the container too: beside one that is called every few seconds nothing stays loaded.
  double rate = 0;
  double load_seconds = 0;
  if (const FunctionState* owner = bin.facts.own ? world_.function(*bin.facts.own) : nullptr) {
    rate += owner->rate;
    load_seconds += seconds(owner->facts.load_time);
  }
  for (const Copy& copy : bin.copies) {
    const FunctionState* other = copy.wanted ? world_.function(copy.function) : nullptr;
    if (other == nullptr) continue;
    rate += other->rate;
    load_seconds += seconds(other->facts.load_time);
  }
  return f.rate * load_seconds + rate * seconds(f.facts.load_time);
}

std::optional<Packer::Eviction> Packer::find_eviction(const FunctionState& f, TimePoint now) {
  std::optional<Eviction> best;
  int looked_at = 0;
  const Group& group = world_.group_of(f.facts.ns, f.facts.kind);
  world_.count(group.by_loss.size());
  for (const auto& [cheapest, id] : group.by_loss) {
    if (++looked_at > kBinsToEvictFrom || !displaces(f.gain, cheapest) || (best && cheapest >= best->loss)) break;
    BinState& bin = *world_.bin(id);
    if (!accepts(bin, f, now)) continue;
    auto eviction = cheapest_victims(bin, f.facts.bytes - bin.free(), now);
    if (eviction && displaces(f.gain, eviction->loss) && (!best || eviction->loss < best->loss))
      best = std::move(eviction);
  }
  return best;
}

std::optional<Packer::Eviction> Packer::cheapest_victims(BinState& bin, Bytes needed, TimePoint now) const {
  std::vector<Victim> all;
  Bytes total;
  for (const Copy& copy : bin.copies) {
    if (!copy.wanted || is_pinned(copy, now)) continue;
    all.push_back({copy.function, copy.bytes, copy.loss});
    total += copy.bytes;
  }
  world_.count(all.size());
  if (total < needed) return std::nullopt;
  Eviction eviction{.bin = &bin};
  if (all.size() <= kSubsets) {
    const std::uint32_t chosen = cheapest_subset(all, needed);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((chosen >> i & 1U) == 0) continue;
      eviction.victims.push_back(all[i].function);
      eviction.loss += all[i].loss;
    }
    return eviction;
  }
  std::ranges::stable_sort(all, {}, [](const Victim& v) { return v.loss / static_cast<double>(v.bytes.count); });
  Bytes freed;
  for (const Victim& v : all) {
    if (freed >= needed) break;
    freed += v.bytes;
    eviction.victims.push_back(v.function);
    eviction.loss += v.loss;
  }
  return eviction;
}

void Packer::evict_and_place(const Eviction& eviction, FunctionState& f, TimePoint now) {
  evict(*eviction.bin, eviction.victims, now);
  place(*eviction.bin, f, now);
}

void Packer::evict(BinState& bin, const std::vector<FunctionId>& victims, TimePoint now) {
  for (const FunctionId victim : victims) {
    const bool was_loaded = bin.find(victim)->reported != HeldState::none;
    unplace(bin, victim, now);
    FunctionState& loser = *world_.function(victim);
    if (was_loaded) loser.not_before = std::max(loser.not_before, now + residency(loser));
    revalue(loser, now);
    if (loser.gain_key) unplaced_.emplace(-loser.gain, victim);
  }
}

void Packer::place(BinState& bin, FunctionState& f, TimePoint now) {
  const double gain = f.gain;
  world_.place(bin, f);
  doomed_.erase({bin.facts.id, f.facts.id});
  Copy& copy = *bin.find(f.facts.id);
  if (copy.reported == HeldState::none) {
    const double load_seconds = std::max(seconds(f.facts.load_time), 1e-9);
    copy.urgency = rules_.load_order == PackingRules::LoadOrder::value ? gain : gain / load_seconds;
    loads_.insert({-copy.urgency, bin.facts.id, f.facts.id});
    world_.count(loads_.size());
  }
  revalue(f, now);
}

void Packer::unplace(BinState& bin, FunctionId f, TimePoint) {
  const Copy* copy = bin.find(f);
  if (copy == nullptr || !copy->wanted) return;
  loads_.erase({-copy->urgency, bin.facts.id, f});
  world_.count(loads_.size());
  world_.unplace(bin, f);
  touch(f);
}

void Packer::doom(BinState& bin, FunctionId f, TimePoint now) {
  unplace(bin, f, now);
  Copy* copy = bin.find(f);
  if (copy == nullptr) return;
  copy->doomed = true;
  doomed_.insert({bin.facts.id, f});
}

void Packer::shed(BinState& bin, TimePoint now) {
  std::vector<FunctionId> illegal;
  for (const Copy& copy : bin.copies) {
    const FunctionState* f = world_.function(copy.function);
    if (copy.wanted && (f == nullptr || !may_hold(bin, *f))) illegal.push_back(copy.function);
  }
  for (const FunctionId f : illegal) doom(bin, f, now);
  while (bin.planned > Bytes{} && bin.free() < Bytes{}) {
    const Copy* cheapest = nullptr;
    for (const Copy& copy : bin.copies) {
      if (copy.wanted && (cheapest == nullptr || copy.loss < cheapest->loss)) cheapest = &copy;
    }
    doom(bin, cheapest->function, now);
  }
}

}  // namespace instainfer::core
