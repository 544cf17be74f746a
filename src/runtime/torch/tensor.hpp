#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "instainfer/base/result.hpp"

namespace instainfer::runtime {

/// Element types of the Open Inference Protocol that we serve.
enum class DataType { boolean, uint8, int8, int16, int32, int64, fp32, fp64 };
std::string_view to_string(DataType type);
Result<DataType> parse_data_type(std::string_view name);
std::size_t size_of(DataType type);

/// A tensor outside of any framework: row-major elements in the machine's byte order.
struct Tensor {
  std::string name;
  DataType type = DataType::fp32;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// Number of elements; negative or overflowing shapes are an error that names the tensor.
Result<std::int64_t> element_count(std::string_view name, const std::vector<std::int64_t>& shape);

/// "[1, 3, 224, 224]"
std::string to_string(const std::vector<std::int64_t>& shape);

}  // namespace instainfer::runtime
