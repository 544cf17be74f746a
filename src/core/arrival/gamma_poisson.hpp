#pragma once

#include "arrival/hazard_model.hpp"

namespace instainfer::core {

/// Poisson with an unknown rate that has a Gamma prior, and a memory that fades (policies.md 3.5): the time to the next
/// arrival is Lomax distributed. Has no cliff at few arrivals, shrinks with silence, is never sure of anything.
class GammaPoisson final : public HazardModel {
 public:
  explicit GammaPoisson(const ArrivalSettings& settings);

 private:
  void learn(Known& known, TimePoint now) const override;
  void relearn(Known& known, const ProfileSnapshot& profile, TimePoint now) const override;
  double rate_of(const Known& known, TimePoint now) const override;
  double hazard(const Known& known, TimePoint now, double w) const override;
  double quantile(const Known& known, double p) const override;

  /// Discounted arrivals and seconds as of `now`.
  struct Evidence {
    double arrivals = 0;
    double seconds = 0;
  };
  [[nodiscard]] Evidence evidence(const Known& known, TimePoint now) const;
  /// What is left of an observation after `age` seconds.
  [[nodiscard]] double kept(double age) const;
  /// Discounted length of the last `age` seconds.
  [[nodiscard]] double discounted_seconds(double age) const;

  double fading_;  ///< per second; 0: nothing is forgotten
};

}  // namespace instainfer::core
