#pragma once

#include <unordered_map>

#include "arrival/history.hpp"
#include "instainfer/core/arrival_model.hpp"

namespace instainfer::core {

/// Expected number of seconds until `k` are in service at the same time, starting with `in_service` running: the
/// birth-death chain of policies.md 3.8 with `rate` arrivals per second and mean holding time `hold` seconds. Infinite
/// if it never happens.
double first_passage_seconds(double rate, double hold, int k, int in_service);

/// What both models share: the history of each function and everything that follows from one number, the cumulated
/// hazard of an arrival. A model says how the hazard grows from what is known of the function.
///
/// O(1) per arrival and per question except the k-th copy, which takes O(k) additions.
class HazardModel : public ArrivalModel {
 public:
  explicit HazardModel(const ArrivalSettings& settings) : settings_(settings) {}

  void add(FunctionId f, TimePoint now, const ProfileSnapshot* profile) override;
  void remove(FunctionId f) override { functions_.erase(f); }
  void arrived(FunctionId f, TimePoint now) override;
  double rate(FunctionId f, TimePoint now) const override;
  double probability(FunctionId f, TimePoint now, Duration w) const override;
  double probability_of_copies(FunctionId f, TimePoint now, Duration w, int k, Duration hold,
                               int in_service) const override;
  std::optional<Window> window(FunctionId f, TimePoint now) const override;
  void save(FunctionId f, TimePoint now, ProfileSnapshot& into) const override;

 protected:
  /// What is known of one function. `weight` and `watched` are for models that forget: discounted arrivals and seconds,
  /// both as of the last arrival.
  struct Known {
    ArrivalHistory history;
    double weight = 0;
    double watched = 0;
  };

  /// Called just before an arrival at `now` enters the history.
  virtual void learn(Known& known, TimePoint now) const = 0;
  /// Called after a snapshot was restored into the history.
  virtual void relearn(Known& known, const ProfileSnapshot& profile, TimePoint now) const = 0;
  [[nodiscard]] virtual double rate_of(const Known& known, TimePoint now) const = 0;
  /// -ln P(no arrival within `w` seconds from now).
  [[nodiscard]] virtual double hazard(const Known& known, TimePoint now, double w) const = 0;
  /// Seconds after the last arrival at which the next one has come with probability `p`.
  [[nodiscard]] virtual double quantile(const Known& known, double p) const = 0;

  [[nodiscard]] const ArrivalSettings& settings() const { return settings_; }

 private:
  [[nodiscard]] const Known* find(FunctionId f) const;

  ArrivalSettings settings_;
  std::unordered_map<FunctionId, Known> functions_;
};

}  // namespace instainfer::core
