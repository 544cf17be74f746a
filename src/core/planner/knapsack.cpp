#include "planner/knapsack.hpp"

#include <algorithm>
#include <cstddef>

namespace instainfer::core {

Bytes knapsack_cell(Bytes cell, Bytes room, std::size_t items) {
  constexpr std::int64_t kTable = 1 << 16;
  constexpr std::int64_t kMostCells = 256;  // whatever the number of items
  const auto share = [](std::int64_t whole, std::int64_t parts) { return (whole + parts - 1) / parts; };
  const std::int64_t columns =
      std::max<std::int64_t>(kTable / static_cast<std::int64_t>(std::max<std::size_t>(items, 1)), 1);
  const std::int64_t coarsest = std::max(cell.count, share(room.count, kMostCells));
  const std::int64_t wished = std::max(cell.count / 16, share(room.count, columns));
  return Bytes{std::max<std::int64_t>(std::min(coarsest, wished), 1)};
}

std::vector<bool> solve_knapsack(const std::vector<KnapsackItem>& items, int capacity) {
  std::vector<bool> chosen(items.size(), false);
  if (capacity <= 0) return chosen;
  std::vector<std::size_t> useful;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].value > 0 && items[i].cells <= capacity) useful.push_back(i);
  }
  const auto width = static_cast<std::size_t>(capacity) + 1;
  std::vector<double> best(width, 0.0);
  std::vector<bool> taken(useful.size() * width, false);
  for (std::size_t row = 0; row < useful.size(); ++row) {
    const KnapsackItem& item = items[useful[row]];
    const auto cells = static_cast<std::size_t>(std::max(item.cells, 0));
    for (std::size_t c = width; c-- > cells;) {
      const double with = best[c - cells] + item.value;
      if (with <= best[c]) continue;
      best[c] = with;
      taken[row * width + c] = true;
    }
  }
  auto left = static_cast<std::size_t>(capacity);
  for (std::size_t row = useful.size(); row-- > 0;) {
    if (!taken[row * width + left]) continue;
    chosen[useful[row]] = true;
    left -= static_cast<std::size_t>(std::max(items[useful[row]].cells, 0));
  }
  return chosen;
}

}  // namespace instainfer::core
