#pragma once

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

/// Size in cells, rounded up, so that what fits in cells fits in bytes.
constexpr int cells_of(Bytes bytes, Bytes cell) {
  return static_cast<int>((bytes.count + cell.count - 1) / cell.count);
}

}  // namespace instainfer::core
