#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace instainfer::replay {

double percentile(const std::vector<double>& ascending, double p) {
  if (ascending.empty()) return 0;
  const auto count = static_cast<double>(ascending.size());
  const auto rank = std::clamp(std::ceil(p * count), 1.0, count);
  return ascending[static_cast<std::size_t>(rank) - 1];
}

Distribution describe(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto total = std::accumulate(values.begin(), values.end(), 0.0);
  return {.mean = total / static_cast<double>(values.size()),
          .p50 = percentile(values, 0.50),
          .p95 = percentile(values, 0.95),
          .p99 = percentile(values, 0.99),
          .total = total};
}

}  // namespace instainfer::replay
