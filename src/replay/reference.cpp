#include "reference.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace instainfer::replay {
namespace {

Result<std::vector<double>> first_output(const nlohmann::json& document) {
  const auto wrong = fail(ErrorCode::invalid_argument, "expected {\"outputs\": [{\"data\": [numbers]}]}");
  if (!document.is_object() || !document.contains("outputs")) return wrong;
  const auto& outputs = document["outputs"];
  if (!outputs.is_array() || outputs.empty() || !outputs[0].is_object() || !outputs[0].contains("data")) return wrong;
  const auto& data = outputs[0]["data"];
  if (!data.is_array() || data.empty()) return wrong;
  std::vector<double> values;
  values.reserve(data.size());
  for (const auto& value : data) {
    if (!value.is_number()) return wrong;
    values.push_back(value.get<double>());
  }
  return values;
}

}  // namespace

Result<Reference> parse_reference(const nlohmann::json& document) {
  auto values = first_output(document);
  if (!values) return fail(values.error());
  return Reference{std::move(*values)};
}

Result<Comparison> compare(const Reference& reference, const nlohmann::json& result) {
  const auto values = first_output(result);
  if (!values) return fail(values.error());
  if (values->size() != reference.values.size()) {
    return fail(ErrorCode::invalid_argument, "the result has " + std::to_string(values->size()) +
                                                 " values, the reference " + std::to_string(reference.values.size()));
  }
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < values->size(); ++i) {
    difference = std::max(difference, std::abs((*values)[i] - reference.values[i]));
    largest = std::max(largest, std::abs(reference.values[i]));
  }
  const auto top = [](const std::vector<double>& v) { return std::ranges::max_element(v) - v.begin(); };
  Comparison comparison;
  comparison.largest_difference = largest > 0 ? difference / largest : difference;
  comparison.same_top1 = top(*values) == top(reference.values);
  comparison.equal = comparison.same_top1 && comparison.largest_difference <= kTolerance;
  return comparison;
}

}  // namespace instainfer::replay
