#include "profile.hpp"

#include <algorithm>

namespace instainfer::core {
namespace {

constexpr double kReadRate = 300e6;  // bytes per second, prior for a model that was never loaded
constexpr double kLoadFloor = 0.5;   // seconds
constexpr double kModelOverhead = 1.3;
constexpr Bytes kUnknownBytes = mebibytes(256);
constexpr double kLoadWeight = 0.3;
constexpr double kExecutionWeight = 0.1;
/// Mean execution of the paper's models (policies.md 5.8), until one was seen.
constexpr Duration kExecutionPrior = std::chrono::milliseconds(245);

Duration blend(Duration mean, Duration sample, double weight) {
  return mean + from_seconds(weight * (seconds(sample) - seconds(mean)));
}

}  // namespace

FunctionProfile::FunctionProfile(const FunctionSpec& spec, const ProfileSnapshot* saved) : execution_(kExecutionPrior) {
  const double file = spec.model_file ? static_cast<double>(spec.model_file->count) : 0;
  load_time_ = from_seconds(file / kReadRate + kLoadFloor);
  estimated_bytes_ = spec.model_file ? Bytes{static_cast<std::int64_t>(kModelOverhead * file)} : kUnknownBytes;
  // A guess as large as the limit would fit into no container of that size, and so would never be corrected.
  if (!spec.model_file) estimated_bytes_ = std::min(estimated_bytes_, Bytes{spec.memory_limit.count / 2});
  estimated_bytes_ = std::min(estimated_bytes_, spec.memory_limit);
  if (saved == nullptr) return;
  peak_ = std::max(saved->peak_bytes, Bytes{});
  if (saved->execution_mean > Duration{}) {
    execution_ = saved->execution_mean;
    executed_ = true;
  }
  if (saved->loads == 0 || saved->load_time < Duration{}) return;
  loads_ = saved->loads;
  load_time_ = saved->load_time;
  sizes_[next_size_++] = std::max(saved->loaded_bytes, Bytes{});
}

void FunctionProfile::loaded(Duration took, Bytes bytes) {
  if (took < Duration{}) return;
  load_time_ = loads_ == 0 ? took : blend(load_time_, took, kLoadWeight);
  ++loads_;
  if (bytes <= Bytes{}) return;
  sizes_[next_size_] = bytes;
  next_size_ = (next_size_ + 1) % kSizes;
}

void FunctionProfile::executed(Duration took) {
  if (took < Duration{}) return;
  execution_ = executed_ ? blend(execution_, took, kExecutionWeight) : took;
  executed_ = true;
}

void FunctionProfile::used(Bytes container_use) {
  peak_ = std::max(peak_, container_use);
}

Bytes FunctionProfile::bytes() const {
  const Bytes largest = *std::max_element(sizes_.begin(), sizes_.end());
  return largest > Bytes{} ? largest : estimated_bytes_;
}

Bytes FunctionProfile::peak() const {
  return std::max(peak_, bytes());
}

ProfileSnapshot FunctionProfile::snapshot() const {
  ProfileSnapshot saved;
  saved.loads = loads_;
  saved.load_time = load_time_;
  saved.loaded_bytes = bytes();
  saved.peak_bytes = peak_;
  saved.execution_mean = executed_ ? execution_ : Duration{};
  return saved;
}

}  // namespace instainfer::core
