#include "arrival/hazard_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace instainfer::core {

double first_passage_seconds(double rate, double hold, int k, int in_service) {
  if (k <= in_service) return 0;
  if (!(rate > 0)) return std::numeric_limits<double>::infinity();
  double up = 1 / rate;  // mean time from j to j + 1 in service
  double total = in_service <= 0 ? up : 0;
  for (int j = 1; j < k; ++j) {
    // Nobody is ever in service beside another if nothing takes time.
    if (!(hold > 0)) return std::numeric_limits<double>::infinity();
    up = 1 / rate + j / (rate * hold) * up;
    if (j >= in_service) total += up;
  }
  return total;
}

const HazardModel::Known* HazardModel::find(FunctionId f) const {
  const auto it = functions_.find(f);
  return it == functions_.end() ? nullptr : &it->second;
}

void HazardModel::add(FunctionId f, TimePoint now, const ProfileSnapshot* profile) {
  const auto capacity = static_cast<std::size_t>(std::max(settings_.window, 2));
  Known known{.history = ArrivalHistory(capacity, now)};
  if (profile != nullptr) {
    known.history.restore(*profile, now);
    relearn(known, *profile, now);
  }
  functions_.insert_or_assign(f, std::move(known));
}

void HazardModel::arrived(FunctionId f, TimePoint now) {
  const auto it = functions_.find(f);
  if (it == functions_.end()) return;
  learn(it->second, now);
  it->second.history.push(now);
}

double HazardModel::rate(FunctionId f, TimePoint now) const {
  const Known* known = find(f);
  return known == nullptr ? 0 : rate_of(*known, now);
}

double HazardModel::probability(FunctionId f, TimePoint now, Duration w) const {
  const Known* known = find(f);
  if (known == nullptr || w <= Duration::zero()) return 0;
  return -std::expm1(-hazard(*known, now, seconds(w)));
}

double HazardModel::probability_of_copies(FunctionId f, TimePoint now, Duration w, int k, Duration hold,
                                          int in_service) const {
  const Known* known = find(f);
  if (known == nullptr || k <= 0) return 0;
  in_service = std::max(in_service, 0);
  if (k <= in_service) return 1;
  if (w <= Duration::zero()) return 0;
  // The chain needs a rate: the one that makes the first copy's probability exactly this model's.
  const double rate = hazard(*known, now, seconds(w)) / seconds(w);
  return -std::expm1(-seconds(w) / first_passage_seconds(rate, seconds(hold), k, in_service));
}

std::optional<ArrivalModel::Window> HazardModel::window(FunctionId f, TimePoint) const {
  const Known* known = find(f);
  if (known == nullptr) return std::nullopt;
  const TimePoint last = known->history.last();
  const bool never_called = known->history.total() == 0;
  const TimePoint load_at =
      never_called ? last : add_saturating(last, from_seconds(quantile(*known, settings_.p_load)));
  return Window{load_at, add_saturating(last, from_seconds(quantile(*known, settings_.p_offload)))};
}

void HazardModel::save(FunctionId f, TimePoint now, ProfileSnapshot& into) const {
  if (const Known* known = find(f)) known->history.save(now, into);
}

}  // namespace instainfer::core
