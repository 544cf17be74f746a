#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "instainfer/base/result.hpp"

namespace instainfer::replay {

/// The answer that is right, as reference.json of the model repository gives it.
struct Reference {
  std::vector<double> values;  ///< of the first output
};

/// How an answer compares with the reference.
struct Comparison {
  double largest_difference = 0;  ///< as a part of the reference's largest absolute value
  bool same_top1 = false;
  bool equal = false;  ///< same top-1 and a difference of at most kTolerance
};

inline constexpr double kTolerance = 1e-4;

/// From `{"outputs": [{"data": [...]}]}`, as both the reference file and an action's result have it.
Result<Reference> parse_reference(const nlohmann::json& document);

/// Errors: invalid_argument if the result has no outputs or not as many values; such a result is not equal.
Result<Comparison> compare(const Reference& reference, const nlohmann::json& result);

}  // namespace instainfer::replay
