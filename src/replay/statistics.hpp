#pragma once

#include <vector>

namespace instainfer::replay {

/// The p-quantile (p from 0 to 1) of ascending values by the project's one convention: x[ceil(p n) - 1], with ceil(0)
/// taken as 1. Zero for no values.
double percentile(const std::vector<double>& ascending, double p);

/// What a summary says of a set of durations in milliseconds.
struct Distribution {
  double mean = 0;
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
  double total = 0;
};

/// All zero for no values.
Distribution describe(std::vector<double> values);

}  // namespace instainfer::replay
