#include "torch/model.hpp"

#include <ATen/Parallel.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <sys/stat.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace instainfer::runtime {

namespace {

constexpr std::array<std::pair<DataType, at::ScalarType>, 8> kScalarTypes = {{{DataType::boolean, at::kBool},
                                                                              {DataType::uint8, at::kByte},
                                                                              {DataType::int8, at::kChar},
                                                                              {DataType::int16, at::kShort},
                                                                              {DataType::int32, at::kInt},
                                                                              {DataType::int64, at::kLong},
                                                                              {DataType::fp32, at::kFloat},
                                                                              {DataType::fp64, at::kDouble}}};

/// Reads at any place of an open file: no path is needed, so a file that only root can open serves a worker too.
class FileReader final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit FileReader(int file) : file_(file) {
    struct stat status {};
    if (fstat(file, &status) == 0) size_ = static_cast<std::size_t>(status.st_size);
  }
  std::size_t size() const override { return size_; }
  std::size_t read(std::uint64_t position, void* buffer, std::size_t count, const char* /*what*/) const override {
    std::size_t done = 0;
    while (done < count) {
      const ssize_t got =
          pread(file_, static_cast<char*>(buffer) + done, count - done, static_cast<off_t>(position + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  int file_;
  std::size_t size_ = 0;
};

/// The framework's message without its stack of C++ frames.
std::string sentence(const std::exception& error) {
  const auto* framework = dynamic_cast<const c10::Error*>(&error);
  std::string text = framework != nullptr ? framework->what_without_backtrace() : error.what();
  constexpr std::size_t limit = 2000;
  if (text.size() > limit) text = text.substr(0, limit) + "...";
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

at::Tensor to_framework(const Tensor& tensor) {
  // clone: the module may keep or change its input, which must not reach into our buffer.
  return torch::from_blob(const_cast<char*>(tensor.bytes.data()), tensor.shape,
                          kScalarTypes[static_cast<std::size_t>(tensor.type)].second)
      .clone();
}

Result<Tensor> from_framework(std::string name, const at::Tensor& source) {
  const at::Tensor dense = source.to(at::kCPU).to_dense().contiguous();
  for (const auto& [type, scalar] : kScalarTypes) {
    if (dense.scalar_type() != scalar) continue;
    return Tensor{std::move(name), type, dense.sizes().vec(),
                  std::string(static_cast<const char*>(dense.data_ptr()), dense.nbytes())};
  }
  return fail(ErrorCode::not_supported, "output \"" + name + "\" is of the type " + c10::toString(dense.scalar_type()) +
                                            ", which cannot be answered");
}

/// Flattens what a module may return: a tensor, a number, tuples, lists and dictionaries of them.
Result<void> collect(const c10::IValue& value, const std::string& key, const std::vector<std::string>& names,
                     std::vector<Tensor>& outputs) {
  if (value.isGenericDict()) {
    for (const auto& item : value.toGenericDict()) {
      const std::string inner = item.key().isString() ? item.key().toStringRef() : std::to_string(item.key().toInt());
      if (auto done = collect(item.value(), inner, names, outputs); !done) return done;
    }
    return {};
  }
  if (value.isTuple() || value.isList()) {
    const auto items = value.isTuple() ? value.toTupleRef().elements().vec() : value.toListRef().vec();
    for (const c10::IValue& item : items) {
      if (auto done = collect(item, "", names, outputs); !done) return done;
    }
    return {};
  }
  if (value.isNone()) return {};  // an output the module leaves out, such as auxiliary logits
  if (!value.isTensor() && !value.isScalar()) {
    return fail(ErrorCode::not_supported, "the model returned a " + value.tagKind() +
                                              "; it must return tensors, or tuples, lists or dictionaries of them");
  }
  const std::size_t index = outputs.size();
  std::string name = !key.empty() ? key : index < names.size() ? names[index] : "output_" + std::to_string(index);
  auto tensor =
      from_framework(std::move(name), value.isTensor() ? value.toTensor() : torch::scalar_tensor(value.toScalar()));
  if (!tensor) return fail(tensor.error());
  outputs.push_back(*std::move(tensor));
  return {};
}

}  // namespace

struct Model::Impl {
  torch::jit::Module module;
};

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Result<Model> Model::load(int file, int threads) {
  try {
    at::set_num_threads(threads);
    // The profiling executor makes the first two passes of a model several times slower and the later ones hardly
    // faster.
    torch::jit::setGraphExecutorOptimize(false);
    const c10::InferenceMode inference;
    auto impl = std::make_unique<Impl>();
    impl->module = torch::jit::load(std::make_shared<FileReader>(file), at::Device(at::kCPU));
    impl->module.eval();
    return Model(std::move(impl));
  } catch (const std::exception& error) {
    return fail(ErrorCode::invalid_argument,
                "model.pt is not a TorchScript model that this framework can read: " + sentence(error));
  }
}

Result<std::vector<Tensor>> Model::forward(const std::vector<Tensor>& inputs, const std::vector<std::string>& names) {
  try {
    const c10::InferenceMode inference;
    std::vector<c10::IValue> arguments;
    for (const Tensor& input : inputs) arguments.emplace_back(to_framework(input));
    const c10::IValue value = impl_->module.forward(std::move(arguments));
    std::vector<Tensor> outputs;
    if (auto done = collect(value, "", names, outputs); !done) return fail(done.error());
    return outputs;
  } catch (const std::exception& error) {
    return fail(ErrorCode::invalid_argument, "the model failed: " + sentence(error));
  }
}

void warm_up_framework() {
  at::set_num_threads(1);
  torch::jit::setGraphExecutorOptimize(false);
  const c10::InferenceMode inference;
  torch::jit::Module module("warm_up");
  module.define("def forward(self, x):\n  return torch.relu(x) + 1\n");
  module.forward({torch::zeros({1})});
}

}  // namespace instainfer::runtime
