#include "torch/function_description.hpp"

#include <algorithm>
#include <sstream>

namespace instainfer::runtime {

namespace {

using Json = nlohmann::json;

constexpr int kSideLimit = 8192;
constexpr int kTokenLimit = 65536;

tl::unexpected<Error> refuse(std::string sentence) {
  return fail(ErrorCode::invalid_argument, "function.json: " + std::move(sentence));
}

Result<std::string> text_member(const Json& json, const char* name, std::string fallback = {}) {
  const auto member = json.find(name);
  if (member == json.end() && !fallback.empty()) return fallback;
  if (member == json.end() || !member->is_string())
    return refuse("member `" + std::string(name) + "` must be a string");
  return member->get<std::string>();
}

Result<int> whole_member(const Json& json, const char* name, int fallback, int limit) {
  const auto member = json.find(name);
  if (member == json.end()) return fallback;
  if (!member->is_number_integer() || *member < 1 || *member > limit) {
    return refuse("member `" + std::string(name) + "` must be a whole number from 1 to " + std::to_string(limit) +
                  ", not " + member->dump());
  }
  return member->get<int>();
}

Result<InputDescription> parse_input(const Json& json) {
  if (!json.is_object()) return refuse("each of `inputs` must be an object {name, shape, datatype}");
  InputDescription input;
  auto name = text_member(json, "name");
  if (!name) return fail(name.error());
  input.name = *std::move(name);
  auto type = text_member(json, "datatype", "FP32");
  if (!type) return fail(type.error());
  const auto parsed = parse_data_type(*type);
  if (!parsed) return fail(parsed.error().in("function.json: input \"" + input.name + "\""));
  input.type = *parsed;
  const auto shape = json.find("shape");
  if (shape == json.end() || !shape->is_array()) return refuse("input \"" + input.name + "\" needs an array `shape`");
  for (const Json& extent : *shape) {
    if (!extent.is_number_integer() || (extent < 1 && extent != -1)) {
      return refuse("input \"" + input.name + "\": each extent of `shape` must be -1 or at least 1");
    }
    input.shape.push_back(extent.get<std::int64_t>());
  }
  return input;
}

Result<void> parse_inputs(const Json& json, FunctionDescription& description) {
  const auto inputs = json.find("inputs");
  if (inputs == json.end()) return {};
  if (!inputs->is_array()) return refuse("member `inputs` must be an array");
  for (const Json& item : *inputs) {
    auto input = parse_input(item);
    if (!input) return fail(input.error());
    description.inputs.push_back(*std::move(input));
  }
  return {};
}

Result<void> parse_outputs(const Json& json, FunctionDescription& description) {
  const auto outputs = json.find("outputs");
  if (outputs == json.end()) return {};
  if (!outputs->is_array()) return refuse("member `outputs` must be an array");
  for (const Json& item : *outputs) {
    if (!item.is_object()) return refuse("each of `outputs` must be an object {name}");
    auto name = text_member(item, "name");
    if (!name) return fail(name.error());
    description.outputs.push_back(*std::move(name));
  }
  return {};
}

/// A list of strings in place, or the lines of a file of the action.
Result<std::vector<std::string>> parse_lines(const Json& value, const char* name,
                                             const ReadNamedFile& read_named_file) {
  std::vector<std::string> lines;
  if (value.is_string()) {
    auto text = read_named_file(value.get<std::string>());
    if (!text) return fail(text.error().in("function.json: member `" + std::string(name) + "`"));
    std::istringstream stream(*text);
    for (std::string line; std::getline(stream, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      lines.push_back(line);
    }
    return lines;
  }
  if (!value.is_array())
    return refuse("member `" + std::string(name) + "` must be an array of strings or the name of a file in the zip");
  for (const Json& item : value) {
    if (!item.is_string()) return refuse("member `" + std::string(name) + "` must hold strings only");
    lines.push_back(item.get<std::string>());
  }
  return lines;
}

Result<std::array<float, 3>> parse_channels(const Json& json, const char* name, std::array<float, 3> fallback) {
  const auto member = json.find(name);
  if (member == json.end()) return fallback;
  const bool good = member->is_array() && member->size() == fallback.size() &&
                    std::all_of(member->begin(), member->end(), [](const Json& item) { return item.is_number(); });
  if (!good) return refuse("member `" + std::string(name) + "` must be an array of three numbers");
  return member->get<std::array<float, 3>>();
}

Result<ImagePreprocessing> parse_image(const Json& json) {
  ImagePreprocessing image;
  auto input = text_member(json, "input");
  auto parameter = text_member(json, "parameter", image.parameter);
  auto resize = whole_member(json, "resize", image.resize, kSideLimit);
  auto crop = whole_member(json, "crop", image.crop, kSideLimit);
  auto mean = parse_channels(json, "mean", image.mean);
  auto deviation = parse_channels(json, "std", image.deviation);
  if (!input) return fail(input.error());
  if (!parameter) return fail(parameter.error());
  if (!resize) return fail(resize.error());
  if (!crop) return fail(crop.error());
  if (!mean) return fail(mean.error());
  if (!deviation) return fail(deviation.error());
  if (std::find(deviation->begin(), deviation->end(), 0.0F) != deviation->end())
    return refuse("member `std` must not hold 0");
  if (*crop > *resize) return refuse("preprocess.image: `crop` must not be larger than `resize`");
  return ImagePreprocessing{*input, *parameter, *resize, *crop, *mean, *deviation};
}

Result<TokenPreprocessing> parse_tokens(const Json& json, const ReadNamedFile& read_named_file) {
  TokenPreprocessing tokens;
  auto input = text_member(json, "input");
  auto parameter = text_member(json, "parameter", tokens.parameter);
  auto length = whole_member(json, "max_length", tokens.max_length, kTokenLimit);
  if (!input) return fail(input.error());
  if (!parameter) return fail(parameter.error());
  if (!length) return fail(length.error());
  auto words = parse_lines(json.value("vocabulary", Json()), "vocabulary", read_named_file);
  if (!words) return fail(words.error());
  std::int64_t index = 0;
  for (const std::string& word : *words) tokens.vocabulary.emplace(word, index++);
  tokens.input = *input;
  tokens.parameter = *parameter;
  tokens.max_length = *length;
  return tokens;
}

Result<void> parse_preprocessing(const Json& json, const ReadNamedFile& read_named_file,
                                 FunctionDescription& description) {
  const auto preprocess = json.find("preprocess");
  if (preprocess == json.end()) return {};
  if (!preprocess->is_object()) return refuse("member `preprocess` must be an object with `image` or `tokens`");
  if (preprocess->contains("image")) {
    auto image = parse_image((*preprocess)["image"]);
    if (!image) return fail(image.error());
    description.image = *std::move(image);
  }
  if (preprocess->contains("tokens")) {
    auto tokens = parse_tokens((*preprocess)["tokens"], read_named_file);
    if (!tokens) return fail(tokens.error());
    description.tokens = *std::move(tokens);
  }
  return {};
}

bool shape_matches(const std::vector<std::int64_t>& declared, const std::vector<std::int64_t>& given) {
  return std::equal(declared.begin(), declared.end(), given.begin(), given.end(),
                    [](std::int64_t wanted, std::int64_t is) { return wanted == -1 || wanted == is; });
}

std::string describe(const FunctionDescription& description) {
  std::string text;
  for (const InputDescription& input : description.inputs) {
    text += (text.empty() ? "\"" : ", \"") + input.name + "\" (" + std::string(to_string(input.type)) + " " +
            to_string(input.shape) + ")";
  }
  return text;
}

}  // namespace

Result<FunctionDescription> parse_function_description(std::string_view text, const ReadNamedFile& read_named_file) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return refuse("must be a JSON object");
  FunctionDescription description;
  if (auto done = parse_inputs(json, description); !done) return fail(done.error());
  if (auto done = parse_outputs(json, description); !done) return fail(done.error());
  if (auto done = parse_preprocessing(json, read_named_file, description); !done) return fail(done.error());
  if (json.contains("labels")) {
    auto labels = parse_lines(json["labels"], "labels", read_named_file);
    if (!labels) return fail(labels.error());
    description.labels = *std::move(labels);
  }
  auto top = whole_member(json, "top", description.top, kTokenLimit);
  if (!top) return fail(top.error());
  description.top = *top;
  return description;
}

Result<std::vector<Tensor>> match_inputs(const FunctionDescription& description, std::vector<Tensor> given) {
  const auto expected = [&](const std::string& what) {
    return fail(ErrorCode::invalid_argument, what + "; expected " + describe(description));
  };
  if (description.inputs.empty()) return given;
  std::vector<Tensor> ordered;
  for (const InputDescription& wanted : description.inputs) {
    const auto found =
        std::find_if(given.begin(), given.end(), [&](const Tensor& tensor) { return tensor.name == wanted.name; });
    if (found == given.end()) return expected("input \"" + wanted.name + "\" is missing");
    if (found->type != wanted.type)
      return expected("input \"" + wanted.name + "\" has datatype " + std::string(to_string(found->type)));
    if (!shape_matches(wanted.shape, found->shape))
      return expected("input \"" + wanted.name + "\" has shape " + to_string(found->shape));
    ordered.push_back(std::move(*found));
    given.erase(found);
  }
  if (!given.empty()) return expected("there is no input \"" + given.front().name + "\"");
  return ordered;
}

std::vector<Tensor> warm_up_inputs(const FunctionDescription& description) {
  std::vector<Tensor> tensors;
  for (const InputDescription& input : description.inputs) {
    Tensor tensor{input.name, input.type, input.shape, {}};
    std::replace(tensor.shape.begin(), tensor.shape.end(), std::int64_t{-1}, std::int64_t{1});
    const auto count = element_count(tensor.name, tensor.shape);
    if (!count) return {};
    tensor.bytes.assign(static_cast<std::size_t>(*count) * size_of(tensor.type), '\0');
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace instainfer::runtime
