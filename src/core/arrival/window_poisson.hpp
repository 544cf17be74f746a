#pragma once

#include "arrival/hazard_model.hpp"

namespace instainfer::core {

/// InstaInfer's predictor: Poisson with the rate of the last arrivals, seen from now (policies.md 3.1, 3.2). With fewer
/// than two arrivals, and so no gap to measure, the mean of the prior stands in.
class WindowPoisson final : public HazardModel {
 public:
  using HazardModel::HazardModel;

 private:
  void learn(Known&, TimePoint) const override {}
  void relearn(Known&, const ProfileSnapshot&, TimePoint) const override {}
  double rate_of(const Known& known, TimePoint now) const override;
  double hazard(const Known& known, TimePoint now, double w) const override { return rate_of(known, now) * w; }
  double quantile(const Known& known, double p) const override;
};

}  // namespace instainfer::core
