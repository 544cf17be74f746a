#include "arrival/gamma_poisson.hpp"

#include <algorithm>
#include <cmath>

namespace instainfer::core {

GammaPoisson::GammaPoisson(const ArrivalSettings& settings)
    : HazardModel(settings), fading_(-std::log(settings.forget_per_hour) / 3600) {
}

double GammaPoisson::kept(double age) const {
  return std::exp(-fading_ * age);
}

double GammaPoisson::discounted_seconds(double age) const {
  return fading_ > 0 ? -std::expm1(-fading_ * age) / fading_ : age;
}

GammaPoisson::Evidence GammaPoisson::evidence(const Known& known, TimePoint now) const {
  const double silence = std::max(seconds(now - known.history.last()), 0.0);
  const double left = kept(silence);
  return {known.weight * left, known.watched * left + discounted_seconds(silence)};
}

void GammaPoisson::learn(Known& known, TimePoint now) const {
  const Evidence before = evidence(known, now);
  known.weight = before.arrivals + 1;
  known.watched = before.seconds;
}

void GammaPoisson::relearn(Known& known, const ProfileSnapshot& profile, TimePoint now) const {
  // The times of arrivals that left the ring are not saved: they count as spread evenly over the time before it.
  const double observed = std::max(seconds(now - known.history.since()), 0.0);
  const double silence = std::max(seconds(now - known.history.last()), 0.0);
  double oldest_age = 0;
  double weight = 0;
  for (const Duration age : profile.arrival_ages) {
    weight += kept(std::max(seconds(age), 0.0));
    oldest_age = std::max(oldest_age, seconds(age));
  }
  const auto unsaved = static_cast<double>(known.history.total()) - static_cast<double>(profile.arrival_ages.size());
  const double before = observed - oldest_age;
  if (unsaved > 0) {
    const double share = before > 0 ? discounted_seconds(before) / before : 1.0;
    weight += unsaved * share * kept(oldest_age);
  }
  if (known.history.size() == 0) {
    // Nothing but silence: the history begins at its first moment, and so does the evidence.
    known.weight = weight;
    return;
  }
  // State is kept as of the last arrival; undo the fading since then.
  known.weight = weight / std::max(kept(silence), 1e-300);
  known.watched = discounted_seconds(observed - silence);
}

double GammaPoisson::rate_of(const Known& known, TimePoint now) const {
  const Evidence seen = evidence(known, now);
  return (settings().prior_shape + seen.arrivals) / (settings().prior_seconds + seen.seconds);
}

double GammaPoisson::hazard(const Known& known, TimePoint now, double w) const {
  const Evidence seen = evidence(known, now);
  return (settings().prior_shape + seen.arrivals) * std::log1p(w / (settings().prior_seconds + seen.seconds));
}

double GammaPoisson::quantile(const Known& known, double p) const {
  const double shape = settings().prior_shape + known.weight;
  return (settings().prior_seconds + known.watched) * std::expm1(-std::log1p(-p) / shape);
}

}  // namespace instainfer::core
