#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "instainfer/base/result.hpp"
#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// How often a function was and will be called. Learns from arrivals alone; O(1) per arrival and per question; any number
/// of functions and calls; time base nanoseconds. Implementations: `window-poisson` (policies.md 3.1, 3.2),
/// `gamma-poisson` (3.5).
class ArrivalModel {
 public:
  virtual ~ArrivalModel() = default;

  /// The function exists since `now` (or, with a snapshot, continues an earlier life).
  virtual void add(FunctionId f, TimePoint now, const ProfileSnapshot* profile) = 0;
  virtual void remove(FunctionId f) = 0;
  virtual void arrived(FunctionId f, TimePoint now) = 0;

  /// Arrivals per second as far as known at `now`; falls with silence. 0 for unknown functions.
  [[nodiscard]] virtual double rate(FunctionId f, TimePoint now) const = 0;
  /// P(at least one arrival within w from now), conditional on what is known at now.
  [[nodiscard]] virtual double probability(FunctionId f, TimePoint now, Duration w) const = 0;
  /// P(at least k of it are in service at the same time within w), with mean holding time `hold` and `in_service` running
  /// now (policies.md 3.8). k = 1 with none in service equals probability(f, now, w).
  [[nodiscard]] virtual double probability_of_copies(FunctionId f, TimePoint now, Duration w, int k, Duration hold,
                                                     int in_service) const = 0;

  /// The paper's gate (section 4.2): worth holding from load_at to offload_at after the last arrival. A function that was
  /// never called is wanted from the start (its prior decides). None: not wanted at all.
  struct Window {
    TimePoint load_at;
    TimePoint offload_at;
  };
  [[nodiscard]] virtual std::optional<Window> window(FunctionId f, TimePoint now) const = 0;

  /// Adds the arrival part of a profile (arrivals, observed_for, arrival_ages) for saving.
  virtual void save(FunctionId f, TimePoint now, ProfileSnapshot& into) const = 0;
};

struct ArrivalSettings {
  int window = 20;             ///< arrivals that the sliding window holds (paper: 10 to 30, insensitive)
  double p_load = 0.06;        ///< hold off until an arrival had this chance (paper, section 7.11)
  double p_offload = 0.94;     ///< give up when an arrival would have come with this chance
  double prior_shape = 0.5;    ///< Gamma prior of the rate: shape ...
  double prior_seconds = 600;  ///< ... and weight in seconds (policies.md 3.5)
  double forget_per_hour = 0.98;
};

/// By configuration name; an unknown name is an error that lists the known ones.
Result<std::unique_ptr<ArrivalModel>> make_arrival_model(std::string_view name, const ArrivalSettings& settings);

}  // namespace instainfer::core
