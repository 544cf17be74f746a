#pragma once

#include <memory>
#include <string>
#include <vector>

#include "torch/tensor.hpp"

namespace instainfer::runtime {

/// A loaded TorchScript module. The only place that knows libtorch; its exceptions end here.
class Model {
 public:
  /// Reads the whole model from an open file. Threads: of one inference.
  static Result<Model> load(int file, int threads);
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  /// One forward pass. Outputs are named after `names` as far as they go, after the keys of a dictionary, or output_0,
  /// output_1, ...
  Result<std::vector<Tensor>> forward(const std::vector<Tensor>& inputs, const std::vector<std::string>& names);

 private:
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Makes the framework build what every first model would wait for. Single-threaded: this process forks afterwards.
void warm_up_framework();

}  // namespace instainfer::runtime
