#pragma once

#include <cstddef>
#include <vector>

#include "instainfer/base/bytes.hpp"

namespace instainfer::core {

struct KnapsackItem {
  int cells = 1;
  double value = 0;  ///< items of no value are never chosen
};

/// Exact 0/1 knapsack: which items to take so that their cells stay within `capacity` and their value is largest.
/// O(items x capacity) after dropping items that cannot matter.
std::vector<bool> solve_knapsack(const std::vector<KnapsackItem>& items, int capacity);

/// The unit in which a bin of this room is packed when `items` are to choose from. Sizes are rounded up, so a coarse
/// unit overlooks contents that fit just so (with 16 MiB a plan for eight models may lose 20 %). The unit is therefore
/// as fine as a bounded table allows: down to a sixteenth of `cell` for few items, `cell` for many, more only in very
/// large bins.
Bytes knapsack_cell(Bytes cell, Bytes room, std::size_t items);

/// Size in cells, rounded up, so that what fits in cells fits in bytes.
constexpr int cells_of(Bytes bytes, Bytes cell) {
  return static_cast<int>((bytes.count + cell.count - 1) / cell.count);
}

}  // namespace instainfer::core
