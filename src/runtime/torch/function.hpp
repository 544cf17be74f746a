#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "torch/function_description.hpp"
#include "torch/model.hpp"

namespace instainfer::runtime {

/// What a function answers to one request: a status and JSON, as the manager passes them on.
struct FunctionAnswer {
  int status = 200;
  nlohmann::json body;
};

/// A TorchScript action: a model, what its function.json says, and OpenWhisk parameters in, results out.
class TorchFunction {
 public:
  /// From the value of /init, in the function's own directory. `model_file`: an open model of the repository; -1: it is
  /// in the code. With the member `warm_up` true it comes back warmed up by a first inference.
  static Result<TorchFunction> load(const nlohmann::json& init, int model_file, int threads);

  /// One activation; a wrong request is the application's error (status 200 and `error`).
  FunctionAnswer run(const nlohmann::json& parameters);

 private:
  TorchFunction(std::string name, Model model, FunctionDescription description)
      : name_(std::move(name)), model_(std::move(model)), description_(std::move(description)) {}

  Result<nlohmann::json> infer(const nlohmann::json& parameters);
  Result<std::vector<Tensor>> inputs_from(const nlohmann::json& parameters, bool& plain) const;
  Result<nlohmann::json> ranked(const Tensor& scores) const;

  std::string name_;
  Model model_;
  FunctionDescription description_;
};

}  // namespace instainfer::runtime
