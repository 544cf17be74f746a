// What goes into a bin that opened or got room.

#include <algorithm>
#include <limits>

#include "planner/knapsack.hpp"
#include "planner/packer.hpp"

namespace instainfer::core {

namespace {

/// Functions that do not fit but may be worth evicting for.
constexpr int kChallengers = 8;
/// Candidates passed over because they may not go into this bin (held there already, owner, cut-off by its end).
constexpr int kPassedOver = 32;

}  // namespace

void Packer::fill(BinState& bin, TimePoint now) {
  if (rules_.fill == PackingRules::Fill::exact) {
    fill_exactly(bin, now);
  } else {
    fill_greedily(bin, now);
  }
}

void Packer::fill_greedily(BinState& bin, TimePoint now) {
  while (FunctionState* f = best_that_fits(bin, now)) place(bin, *f, now);
  std::vector<FunctionState*> challengers = best_of_each_size(bin, std::numeric_limits<int>::max(), now);
  std::ranges::stable_sort(challengers, std::greater{}, &FunctionState::gain);
  if (challengers.size() > kChallengers) challengers.resize(kChallengers);
  for (FunctionState* f : challengers) {
    if (!f->gain_key || !accepts(bin, *f, now)) continue;
    const auto eviction = cheapest_victims(bin, f->facts.bytes - bin.free(), now);
    if (eviction && displaces(f->gain, eviction->loss)) evict_and_place(*eviction, *f, now);
  }
}

FunctionState* Packer::best_that_fits(const BinState& bin, TimePoint now) {
  FunctionState* best = nullptr;
  for (FunctionState* f : best_of_each_size(bin, world_.cells(bin.free()), now)) {
    if (f->facts.bytes > bin.free()) continue;
    if (best == nullptr || f->gain > best->gain || (f->gain == best->gain && f->facts.id < best->facts.id)) best = f;
  }
  return best;
}

std::vector<FunctionState*> Packer::best_of_each_size(const BinState& bin, int cells, TimePoint now) {
  std::vector<FunctionState*> found;
  const Group& group = world_.group_of(bin.facts.ns, bin.facts.kind);
  const int room = world_.cells(bin.facts.room);
  for (const auto& [limit, classes] : group.candidates) {
    if (limit > bin.facts.memory_limit) break;
    for (const auto& [size, functions] : classes) {
      if (size > std::min(cells, room)) break;
      // Of functions of one size only as many as fit beside each other can matter.
      int wanted = rules_.fill == PackingRules::Fill::exact ? std::max(1, room / size) : 2;
      int passed_over = 0;
      world_.count(functions.size());
      for (const auto& [key, id] : functions) {
        FunctionState* f = world_.function(id);
        if (!accepts(bin, *f, now)) {
          if (++passed_over > kPassedOver) break;
          continue;
        }
        found.push_back(f);
        if (--wanted == 0) break;
      }
    }
  }
  return found;
}

void Packer::fill_exactly(BinState& bin, TimePoint now) {
  const Duration life = life_of(bin, now);
  Bytes room = bin.facts.room;
  std::vector<const Copy*> incumbents;
  for (const Copy& copy : bin.copies) {
    if (!copy.wanted) continue;
    if (is_pinned(copy, now)) {
      room -= copy.bytes;
    } else {
      incumbents.push_back(&copy);
    }
  }
  const std::vector<FunctionState*> newcomers = best_of_each_size(bin, world_.cells(room), now);
  if (newcomers.empty() || room <= Bytes{}) return;

  const Bytes cell = knapsack_cell(world_.cell(), room, incumbents.size() + newcomers.size());
  std::vector<KnapsackItem> items;
  for (const Copy* copy : incumbents) {
    const FunctionState& f = *world_.function(copy->function);
    items.push_back({cells_of(copy->bytes, cell), held_value(f, static_cast<int>(f.bins.size()), life, now)});
  }
  for (const FunctionState* f : newcomers) {
    items.push_back({cells_of(f->facts.bytes, cell), fresh_value(*f, static_cast<int>(f->bins.size()) + 1, life, now)});
  }
  std::vector<bool> chosen = solve_knapsack(items, static_cast<int>(room.count / cell.count));
  world_.count(items.size());
  double gained = 0;
  double lost = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i < incumbents.size() && !chosen[i]) lost += items[i].value;
    if (i >= incumbents.size() && chosen[i]) gained += items[i].value;
  }
  if (lost > 0 && !displaces(gained, lost)) {
    // Not worth the change: all stay, newcomers share what is left.
    const std::vector<KnapsackItem> rest(items.begin() + static_cast<std::ptrdiff_t>(incumbents.size()), items.end());
    const std::vector<bool> added =
        solve_knapsack(rest, static_cast<int>(std::max<std::int64_t>(bin.free().count, 0) / cell.count));
    std::fill_n(chosen.begin(), incumbents.size(), true);
    std::copy(added.begin(), added.end(), chosen.begin() + static_cast<std::ptrdiff_t>(incumbents.size()));
  }
  std::vector<FunctionId> victims;
  for (std::size_t i = 0; i < incumbents.size(); ++i) {
    if (!chosen[i]) victims.push_back(incumbents[i]->function);
  }
  evict(bin, victims, now);
  for (std::size_t i = 0; i < newcomers.size(); ++i) {
    if (chosen[incumbents.size() + i]) place(bin, *newcomers[i], now);
  }
}

}  // namespace instainfer::core
