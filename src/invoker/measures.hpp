#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "activation_record.hpp"
#include "instainfer/core/node.hpp"

namespace instainfer::invoker {

/// What the node counts about itself beyond the core's counters: container-seconds, peaks, latencies, failures.
class Measures {
 public:
  explicit Measures(bool preloading);

  void container_created(TimePoint now);
  void container_removed(TimePoint created, TimePoint now);
  void memory_granted(Bytes granted);
  void memory_used(Bytes used);
  void activation_done(const Outcome& outcome, Duration run);
  void failed_before_container() { failed_before_container_->Increment(); }
  void record_stored() { records_stored_->Increment(); }
  void record_lost() { records_lost_->Increment(); }
  void wipe_failed() { wipes_failed_->Increment(); }
  void internal_error() { internal_errors_->Increment(); }

  /// Summed life of all containers so far, the living ones included.
  [[nodiscard]] double container_seconds(TimePoint now) const;
  [[nodiscard]] Bytes peak_granted() const { return peak_granted_; }
  [[nodiscard]] Bytes peak_used() const { return peak_used_; }

  /// Prometheus text of all metrics, the core's included.
  [[nodiscard]] std::string expose(const core::Node& node, TimePoint now) const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  prometheus::Family<prometheus::Counter>* activations_;
  std::array<prometheus::Histogram*, 7> loading_{};  ///< by StartType
  prometheus::Histogram* run_;
  prometheus::Histogram* memory_wait_;
  prometheus::Counter* failed_before_container_;
  prometheus::Counter* records_stored_;
  prometheus::Counter* records_lost_;
  prometheus::Counter* wipes_failed_;
  prometheus::Counter* internal_errors_;
  double ended_container_seconds_ = 0;
  double living_created_sum_ = 0;  ///< sum of creation times of living containers, in seconds
  int living_ = 0;
  Bytes peak_granted_;
  Bytes peak_used_;
};

}  // namespace instainfer::invoker
