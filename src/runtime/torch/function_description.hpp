#pragma once

#include <nlohmann/json.hpp>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "torch/tensor.hpp"

namespace instainfer::runtime {

/// What function.json says about one input; an extent of -1 stands for any.
struct InputDescription {
  std::string name;
  DataType type = DataType::fp32;
  std::vector<std::int64_t> shape;
};

/// How an encoded picture becomes an input: shorter side to `resize`, centre cut to `crop`, scaled to 0..1, normalised.
struct ImagePreprocessing {
  std::string input;
  std::string parameter = "image";
  int resize = 256;
  int crop = 224;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> deviation{1, 1, 1};
};

/// How a text becomes an input: its words looked up, unknown ones as [UNK], filled up with [PAD] (or 0) to
/// `max_length`.
struct TokenPreprocessing {
  std::string input;
  std::string parameter = "text";
  std::unordered_map<std::string, std::int64_t> vocabulary;
  int max_length = 128;
};

/// A function.json, checked. All members are optional.
struct FunctionDescription {
  std::vector<InputDescription> inputs;
  std::vector<std::string> outputs;
  std::optional<ImagePreprocessing> image;
  std::optional<TokenPreprocessing> tokens;
  std::vector<std::string> labels;
  int top = 5;
};

/// Gives the text of a file that function.json names (labels, vocabulary: one per line).
using ReadNamedFile = std::function<Result<std::string>(const std::string& name)>;

Result<FunctionDescription> parse_function_description(std::string_view text, const ReadNamedFile& read_named_file);

/// The given inputs in the declared order, with names, types and shapes as declared; any inputs if none are declared.
/// An error says what was expected.
Result<std::vector<Tensor>> match_inputs(const FunctionDescription& description, std::vector<Tensor> given);

/// Zeros of the declared shapes (1 for any extent).
std::vector<Tensor> warm_up_inputs(const FunctionDescription& description);

}  // namespace instainfer::runtime
