#include "arrival/history.hpp"

#include <algorithm>

namespace instainfer::core {

TimePoint add_saturating(TimePoint t, Duration d) {
  if (d > Duration::zero() && t > TimePoint::max() - d) return TimePoint::max();
  if (d < Duration::zero() && t < TimePoint::min() - d) return TimePoint::min();
  return t + d;
}

void ArrivalHistory::push(TimePoint t) {
  t = std::max(t, last());
  if (size_ == ring_.size()) {
    ring_[begin_] = t;
    begin_ = (begin_ + 1) % ring_.size();
  } else {
    ring_[(begin_ + size_) % ring_.size()] = t;
    ++size_;
  }
  ++total_;
}

void ArrivalHistory::restore(const ProfileSnapshot& profile, TimePoint now) {
  const auto& ages = profile.arrival_ages;
  const Duration oldest_known = ages.empty() ? Duration::zero() : *std::ranges::max_element(ages);
  since_ = add_saturating(now, -std::max({profile.observed_for, oldest_known, Duration::zero()}));
  const std::size_t skipped = ages.size() > ring_.size() ? ages.size() - ring_.size() : 0;
  for (std::size_t i = skipped; i < ages.size(); ++i) push(add_saturating(now, -std::max(ages[i], Duration::zero())));
  total_ = std::max<std::uint64_t>(profile.arrivals, size_);
}

void ArrivalHistory::save(TimePoint now, ProfileSnapshot& into) const {
  into.arrivals = total_;
  into.observed_for = std::max(now - since_, Duration::zero());
  into.arrival_ages.clear();
  into.arrival_ages.reserve(size_);
  for (std::size_t i = 0; i < size_; ++i) into.arrival_ages.push_back(std::max(now - at(i), Duration::zero()));
}

}  // namespace instainfer::core
