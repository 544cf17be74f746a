#pragma once

#include "instainfer/core/preload_planner.hpp"

namespace instainfer::core {

/// Where two packing planners differ. All else (bins, gates, back-off, steps) they share; see Packer.
struct PackingRules {
  enum class Fill { greedy, exact };
  enum class Fit { best_fit, least_churn };
  enum class LoadOrder { value, value_per_second };

  Fill fill = Fill::greedy;  ///< what goes into a bin that opened
  Fit fit = Fit::least_churn;  ///< which of several bins with room a function goes to; ties: best fit
  LoadOrder load_order = LoadOrder::value;
  double kappa = 0;              ///< price of a second of loading, in saved seconds
  double eta = 0;                ///< a newcomer must beat its victims by this share, and always be better
  bool minus_load_time = false;  ///< a load serves only arrivals after it is ready (policies.md 6.2)
  bool within_life = false;      ///< arrivals after the bin's end do not count
  int residency = 0;             ///< a copy stays, and a dropped one stays away, this many load times
};

/// The mission's packer (design.md 4): decreasing E = P x T, each into the bin that fits, evict a strictly smaller sum of E.
/// Among bins that fit it takes the one whose contents are killed least often, and only then the tightest: with plain best fit a
/// hot owner wipes its co-residents at every call.
inline PackingRules priority_rules() {
  return {};
}

/// policies.md section 6: exact bins, net values, stickiness.
inline PackingRules knapsack_rules(const PlannerSettings& settings) {
  return {.fill = PackingRules::Fill::exact,
          .load_order = PackingRules::LoadOrder::value_per_second,
          .kappa = settings.kappa,
          .eta = settings.eta,
          .minus_load_time = true,
          .within_life = true,
          .residency = 2};
}

}  // namespace instainfer::core
