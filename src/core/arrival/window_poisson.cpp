#include "arrival/window_poisson.hpp"

#include <algorithm>
#include <cmath>

namespace instainfer::core {

double WindowPoisson::rate_of(const Known& known, TimePoint now) const {
  const ArrivalHistory& history = known.history;
  if (history.size() < 2) {
    const double watched = std::max(seconds(now - history.since()), 0.0);
    return (settings().prior_shape + static_cast<double>(history.total())) / (settings().prior_seconds + watched);
  }
  // All arrivals at one instant: a millisecond keeps the rate finite.
  const double length = std::max(seconds(now - history.oldest()), 1e-3);
  return static_cast<double>(history.size() - 1) / length;
}

double WindowPoisson::quantile(const Known& known, double p) const {
  return -std::log1p(-p) / rate_of(known, known.history.last());
}

}  // namespace instainfer::core
