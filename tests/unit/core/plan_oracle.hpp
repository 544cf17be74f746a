#pragma once

#include <random>

#include "instainfer/core/plan.hpp"

namespace instainfer::core {

/// The best possible value of a problem of at most 8 functions, found by trying all contents of all bins: dynamic
/// programming over count vectors, bin after bin. For problems in which nothing is held yet.
double best_value(const PlanProblem& problem);

/// What the given contents are worth, and whether they are allowed at all (-1 if not).
double value_of_plan(const PlanProblem& problem, const std::vector<Placement>& target);

enum class BinSizes { equal, unequal };
/// 6 to 8 of the paper's models with random rates, 2 to 4 empty bins, values by first passage with kappa 0.2.
PlanProblem random_problem(std::mt19937_64& random, BinSizes sizes);

}  // namespace instainfer::core
