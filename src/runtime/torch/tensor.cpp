#include "torch/tensor.hpp"

#include <array>

namespace instainfer::runtime {

namespace {

struct TypeRow {
  DataType type;
  std::string_view name;
  std::size_t size;
};
constexpr std::array<TypeRow, 8> kTypes = {{{DataType::boolean, "BOOL", 1},
                                            {DataType::uint8, "UINT8", 1},
                                            {DataType::int8, "INT8", 1},
                                            {DataType::int16, "INT16", 2},
                                            {DataType::int32, "INT32", 4},
                                            {DataType::int64, "INT64", 8},
                                            {DataType::fp32, "FP32", 4},
                                            {DataType::fp64, "FP64", 8}}};
constexpr std::int64_t kElementLimit = std::int64_t{1} << 31;

const TypeRow& row_of(DataType type) {
  return kTypes[static_cast<std::size_t>(type)];
}

}  // namespace

std::string_view to_string(DataType type) {
  return row_of(type).name;
}

std::size_t size_of(DataType type) {
  return row_of(type).size;
}

Result<DataType> parse_data_type(std::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return row.type;
  }
  return fail(ErrorCode::invalid_argument, "datatype \"" + std::string(name) +
                                               "\" is not one of BOOL, UINT8, INT8, INT16, INT32, INT64, FP32, FP64");
}

Result<std::int64_t> element_count(std::string_view name, const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && count > kElementLimit / extent)) {
      return fail(ErrorCode::invalid_argument,
                  "tensor \"" + std::string(name) + "\" has the impossible shape " + to_string(shape));
    }
    count *= extent;
  }
  return count;
}

std::string to_string(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

}  // namespace instainfer::runtime
