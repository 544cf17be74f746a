#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// `t + d`, saturating at the ends of time instead of overflowing.
TimePoint add_saturating(TimePoint t, Duration d);

/// The last `capacity` arrivals of one function and how many there ever were. O(1) per arrival.
class ArrivalHistory {
 public:
  ArrivalHistory(std::size_t capacity, TimePoint since) : ring_(capacity), since_(since) {}

  /// Times never decrease; one before the last arrival counts as simultaneous with it.
  void push(TimePoint t);
  /// Continues an earlier life that ended at `now`, as far as the snapshot tells it.
  void restore(const ProfileSnapshot& profile, TimePoint now);
  void save(TimePoint now, ProfileSnapshot& into) const;

  /// How many arrivals the ring holds.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] TimePoint oldest() const { return at(0); }
  /// The latest arrival; when the function became known, if there was none.
  [[nodiscard]] TimePoint last() const { return size_ == 0 ? since_ : at(size_ - 1); }
  /// Since when the function is watched.
  [[nodiscard]] TimePoint since() const { return since_; }

 private:
  [[nodiscard]] TimePoint at(std::size_t i) const { return ring_[(begin_ + i) % ring_.size()]; }

  std::vector<TimePoint> ring_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
  std::uint64_t total_ = 0;
  TimePoint since_;
};

}  // namespace instainfer::core
