#include "torch/function.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <sstream>

#include "instainfer/base/encoding.hpp"
#include "instainfer/base/files.hpp"
#include "instainfer/base/unique_fd.hpp"
#include "torch/action_files.hpp"
#include "torch/image.hpp"
#include "torch/inference_protocol.hpp"

namespace instainfer::runtime {

namespace {

using Json = nlohmann::json;

constexpr Bytes kSideFileLimit{std::int64_t{16} << 20};

tl::unexpected<Error> refuse(std::string sentence) {
  return fail(ErrorCode::invalid_argument, std::move(sentence));
}

Result<std::string> read_own_file(const std::string& name) {
  const std::filesystem::path path(name);
  const bool inside = !path.empty() && path.is_relative() && std::find(path.begin(), path.end(), "..") == path.end();
  if (!inside) return refuse("\"" + name + "\" is not the name of a file in the zip");
  return read_file(path, kSideFileLimit);
}

Result<FunctionDescription> describe_zip(const std::string& code) {
  auto zip = base64_decode(code);
  if (!zip) return refuse("the action's code is neither a zip file in base64 nor a function.json");
  if (auto unpacked = unpack_zip(*zip); !unpacked) return fail(unpacked.error());
  if (!std::filesystem::exists("function.json")) return FunctionDescription{};
  auto text = read_file("function.json", kSideFileLimit);
  if (!text) return fail(text.error());
  return parse_function_description(*text, read_own_file);
}

Result<FunctionDescription> describe_text(const std::string& code) {
  if (!Json::accept(code)) return refuse("the action's code is neither a zip file in base64 nor a function.json");
  return parse_function_description(code, [](const std::string& name) -> Result<std::string> {
    return refuse("\"" + name + "\": an action without a zip has no files; write the list itself");
  });
}

Result<Tensor> text_to_tensor(const TokenPreprocessing& tokens, const std::string& text) {
  std::vector<std::int64_t> ids;
  const auto unknown = tokens.vocabulary.find("[UNK]");
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto found = tokens.vocabulary.find(word);
    if (found == tokens.vocabulary.end() && unknown == tokens.vocabulary.end()) {
      return refuse("the word \"" + word + "\" is not in the vocabulary, which has no [UNK]");
    }
    ids.push_back(found != tokens.vocabulary.end() ? found->second : unknown->second);
  }
  const auto padding = tokens.vocabulary.find("[PAD]");
  ids.resize(static_cast<std::size_t>(tokens.max_length), padding != tokens.vocabulary.end() ? padding->second : 0);
  Tensor tensor{tokens.input, DataType::int64, {1, tokens.max_length}, {}};
  tensor.bytes.assign(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(std::int64_t));
  return tensor;
}

bool wants_binary(const Json& parameters) {
  const auto options = parameters.find("parameters");
  return options != parameters.end() && options->is_object() && options->value("binary_output", Json()) == true;
}

}  // namespace

Result<TorchFunction> TorchFunction::load(const Json& init, int model_file, int threads) {
  const auto code = init.find("code");
  if (code == init.end() || !code->is_string()) return refuse("Missing main/no code to execute.");
  const std::string& text = code->get_ref<const std::string&>();
  const bool is_zip = init.value("binary", Json()) == true || looks_like_base64(text);
  auto description = is_zip ? describe_zip(text) : describe_text(text);
  if (!description) return fail(description.error());
  UniqueFd own_file;
  if (model_file < 0) {
    own_file.reset(open("model.pt", O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!own_file.valid()) {
      return refuse(
          is_zip ? "there is no model.pt at the top of the action's zip file"
                 : "the function.json names no model of the node's repository, and there is no zip with a model.pt");
    }
    model_file = own_file.get();
  }
  auto model = Model::load(model_file, threads);
  if (!model) return fail(model.error());
  const auto inputs = init.value("warm_up", Json()) == true ? warm_up_inputs(*description) : std::vector<Tensor>();
  if (!inputs.empty()) {
    const auto outputs = model->forward(inputs, description->outputs);
    if (!outputs)
      return fail(outputs.error().in("a first inference with zeros of the shapes that function.json declares"));
  }
  const auto name = init.value("name", Json());
  return TorchFunction(name.is_string() ? name.get<std::string>() : "model", *std::move(model),
                       *std::move(description));
}

FunctionAnswer TorchFunction::run(const Json& parameters) {
  auto result = infer(parameters);
  if (result) return {200, *std::move(result)};
  return {200, {{"error", to_valid_utf8(result.error().message)}}};
}

Result<Json> TorchFunction::infer(const Json& parameters) {
  if (!parameters.is_object()) return refuse("the parameters must be an object");
  bool plain = false;
  auto given = inputs_from(parameters, plain);
  if (!given) return fail(given.error());
  auto inputs = match_inputs(description_, *std::move(given));
  if (!inputs) return fail(inputs.error());
  auto outputs = model_.forward(*inputs, description_.outputs);
  if (!outputs) return fail(outputs.error());
  if (plain && !description_.labels.empty() && !outputs->empty()) return ranked(outputs->front());
  auto json = tensors_to_json(*outputs, wants_binary(parameters) ? TensorFormat::base64 : TensorFormat::numbers);
  if (!json) return fail(json.error());
  return Json{{"model_name", name_}, {"outputs", *std::move(json)}};
}

Result<std::vector<Tensor>> TorchFunction::inputs_from(const Json& parameters, bool& plain) const {
  if (parameters.contains("inputs")) return parse_tensors(parameters["inputs"]);
  plain = true;
  std::string wanted = "`inputs`, an array of tensors {name, shape, datatype, data}";
  if (description_.image) {
    const auto image = parameters.find(description_.image->parameter);
    if (image != parameters.end()) {
      if (!image->is_string())
        return refuse("parameter `" + description_.image->parameter + "` must be a JPEG or PNG in base64");
      const auto file = base64_decode(image->get_ref<const std::string&>());
      if (!file) return fail(file.error().in("parameter `" + description_.image->parameter + "`"));
      auto tensor = picture_to_tensor(*description_.image, *file);
      if (!tensor) return fail(tensor.error());
      return std::vector<Tensor>{*std::move(tensor)};
    }
    wanted += ", or `" + description_.image->parameter + "`, a JPEG or PNG in base64";
  }
  if (description_.tokens) {
    const auto text = parameters.find(description_.tokens->parameter);
    if (text != parameters.end()) {
      if (!text->is_string()) return refuse("parameter `" + description_.tokens->parameter + "` must be a text");
      auto tensor = text_to_tensor(*description_.tokens, text->get_ref<const std::string&>());
      if (!tensor) return fail(tensor.error());
      return std::vector<Tensor>{*std::move(tensor)};
    }
    wanted += ", or `" + description_.tokens->parameter + "`, a text";
  }
  return refuse("the parameters must have the member " + wanted);
}

Result<Json> TorchFunction::ranked(const Tensor& scores) const {
  if (scores.type != DataType::fp32)
    return refuse("labels need scores of type FP32, not " + std::string(to_string(scores.type)));
  std::vector<float> values(scores.bytes.size() / sizeof(float));
  std::memcpy(values.data(), scores.bytes.data(), values.size() * sizeof(float));
  if (values.size() != description_.labels.size()) {
    return refuse("the model gives " + std::to_string(values.size()) + " scores for " +
                  std::to_string(description_.labels.size()) + " labels");
  }
  const float highest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (const float value : values) sum += std::exp(static_cast<double>(value) - highest);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(description_.top)));
  Json top = Json::array();
  for (const std::size_t index : order) {
    top.push_back({{"label", description_.labels[index]},
                   {"score", std::exp(static_cast<double>(values[index]) - highest) / sum}});
  }
  return Json{{"label", top[0]["label"]}, {"score", top[0]["score"]}, {"top", top}};
}

}  // namespace instainfer::runtime
