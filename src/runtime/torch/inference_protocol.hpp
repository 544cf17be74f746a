#pragma once

#include <nlohmann/json.hpp>

#include <vector>

#include "torch/tensor.hpp"

namespace instainfer::runtime {

/// Tensors of the Open Inference Protocol (v2) as JSON: {name, shape, datatype, data}; `data` is a nested or flat
/// array, or base64 of the raw bytes if the tensor's `parameters` say `binary`.
Result<std::vector<Tensor>> parse_tensors(const nlohmann::json& inputs);

enum class TensorFormat { numbers, base64 };
/// An error if numbers are asked for and some are not finite: JSON has none such.
Result<nlohmann::json> tensors_to_json(const std::vector<Tensor>& tensors, TensorFormat format);

}  // namespace instainfer::runtime
