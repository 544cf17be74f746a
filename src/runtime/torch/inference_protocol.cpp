#include "torch/inference_protocol.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "instainfer/base/encoding.hpp"

namespace instainfer::runtime {

namespace {

using Json = nlohmann::json;

tl::unexpected<Error> refuse(std::string sentence) {
  return fail(ErrorCode::invalid_argument, std::move(sentence));
}

/// Calls `use` with a value of the C++ type of the elements.
template <typename Use>
auto with_type(DataType type, Use use) {
  switch (type) {
    case DataType::boolean:
      return use(bool{});
    case DataType::uint8:
      return use(std::uint8_t{});
    case DataType::int8:
      return use(std::int8_t{});
    case DataType::int16:
      return use(std::int16_t{});
    case DataType::int32:
      return use(std::int32_t{});
    case DataType::int64:
      return use(std::int64_t{});
    case DataType::fp32:
      return use(float{});
    case DataType::fp64:
      break;
  }
  return use(double{});
}

template <typename T>
bool fits(const Json& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value.is_boolean() || (value.is_number_integer() && (value == 0 || value == 1));
  } else if constexpr (std::is_floating_point_v<T>) {
    return value.is_number();
  } else {
    if (!value.is_number_integer()) return false;
    if (value.is_number_unsigned()) {
      return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    }
    const auto whole = value.get<std::int64_t>();
    return whole >= static_cast<std::int64_t>(std::numeric_limits<T>::min()) &&
           whole <= static_cast<std::int64_t>(std::numeric_limits<T>::max());
  }
}

/// Appends the elements of a flat or nested array in row-major order.
template <typename T>
Result<void> append(Tensor& tensor, const Json& data) {
  if (data.is_array()) {
    for (const Json& item : data) {
      if (auto done = append<T>(tensor, item); !done) return done;
    }
    return {};
  }
  if (!fits<T>(data)) {
    return refuse("input \"" + tensor.name + "\" holds " +
                  data.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60) +
                  ", which is not a value of type " + std::string(to_string(tensor.type)));
  }
  const T value = data.is_boolean() ? static_cast<T>(data.get<bool>()) : static_cast<T>(data.get<T>());
  tensor.bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return {};
}

Result<void> read_shape(Tensor& tensor, const Json& json) {
  const auto shape = json.find("shape");
  if (shape == json.end() || !shape->is_array())
    return refuse("input \"" + tensor.name + "\" needs `shape`, an array of whole numbers");
  for (const Json& extent : *shape) {
    if (!extent.is_number_integer() || !fits<std::int64_t>(extent)) {
      return refuse("input \"" + tensor.name + "\" needs `shape`, an array of whole numbers, not " + shape->dump());
    }
    tensor.shape.push_back(extent.get<std::int64_t>());
  }
  return {};
}

Result<void> read_data(Tensor& tensor, const Json& json) {
  const auto data = json.find("data");
  if (data == json.end()) return refuse("input \"" + tensor.name + "\" has no member `data`");
  const bool binary = json.contains("parameters") && json["parameters"].is_object() &&
                      json["parameters"].value("binary", Json()) == true;
  if (!binary) {
    if (!data->is_array())
      return refuse("input \"" + tensor.name + "\": `data` must be an array, or base64 with parameters.binary true");
    return with_type(tensor.type, [&](auto element) { return append<decltype(element)>(tensor, *data); });
  }
  if (!data->is_string())
    return refuse("input \"" + tensor.name + "\": `data` must be a base64 string, as parameters.binary is true");
  auto raw = base64_decode(data->get_ref<const std::string&>());
  if (!raw) return fail(raw.error().in("input \"" + tensor.name + "\""));
  tensor.bytes = *std::move(raw);
  return {};
}

Result<Tensor> parse_tensor(const Json& json) {
  if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) {
    return refuse("each of `inputs` must be an object with a string `name`, `shape`, `datatype` and `data`");
  }
  Tensor tensor;
  tensor.name = json["name"].get<std::string>();
  const auto type = json.find("datatype");
  if (type == json.end() || !type->is_string())
    return refuse("input \"" + tensor.name + "\" needs a string `datatype`, such as FP32");
  auto parsed = parse_data_type(type->get_ref<const std::string&>());
  if (!parsed) return fail(parsed.error().in("input \"" + tensor.name + "\""));
  tensor.type = *parsed;
  if (auto read = read_shape(tensor, json); !read) return fail(read.error());
  const auto count = element_count(tensor.name, tensor.shape);
  if (!count) return fail(count.error());
  if (auto read = read_data(tensor, json); !read) return fail(read.error());
  const std::size_t wanted = static_cast<std::size_t>(*count) * size_of(tensor.type);
  if (tensor.bytes.size() == wanted) return tensor;
  return refuse("input \"" + tensor.name + "\" holds " + std::to_string(tensor.bytes.size() / size_of(tensor.type)) +
                " values; its shape " + to_string(tensor.shape) + " needs " + std::to_string(*count));
}

template <typename T>
Result<Json> numbers(const Tensor& tensor) {
  Json::array_t data;
  data.reserve(tensor.bytes.size() / sizeof(T));
  for (std::size_t at = 0; at + sizeof(T) <= tensor.bytes.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, tensor.bytes.data() + at, sizeof value);
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) {
        return refuse("output \"" + tensor.name +
                      "\" holds values that are not finite, which JSON cannot carry; ask for them with "
                      "parameters.binary_output true");
      }
    }
    data.emplace_back(value);
  }
  return Json(std::move(data));
}

}  // namespace

Result<std::vector<Tensor>> parse_tensors(const Json& inputs) {
  if (!inputs.is_array()) return refuse("`inputs` must be an array of tensors {name, shape, datatype, data}");
  std::vector<Tensor> tensors;
  for (const Json& item : inputs) {
    auto tensor = parse_tensor(item);
    if (!tensor) return fail(tensor.error());
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

Result<Json> tensors_to_json(const std::vector<Tensor>& tensors, TensorFormat format) {
  Json outputs = Json::array();
  for (const Tensor& tensor : tensors) {
    Json output = {{"name", tensor.name}, {"shape", tensor.shape}, {"datatype", to_string(tensor.type)}};
    if (format == TensorFormat::base64) {
      output["parameters"] = {{"binary", true}};
      output["data"] = base64_encode(tensor.bytes);
    } else {
      auto data = with_type(tensor.type, [&](auto element) { return numbers<decltype(element)>(tensor); });
      if (!data) return fail(data.error());
      output["data"] = *std::move(data);
    }
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace instainfer::runtime
