#pragma once

#include <array>
#include <cstdint>

#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// What was measured of one function, with estimates until then (design.md, section 4, "Unknown functions"):
/// load time = model bytes / 300 MB/s + 0.5 s and memory = 1.3 x model file; 256 MiB, but at most half
/// their limit, for functions without a model file.
class FunctionProfile {
 public:
  FunctionProfile(const FunctionSpec& spec, const ProfileSnapshot* saved);

  /// A load or init was measured; `bytes` of 0: its memory was not.
  void loaded(Duration took, Bytes bytes);
  void executed(Duration took);
  void used(Bytes container_use);

  [[nodiscard]] bool measured() const { return loads_ > 0; }
  [[nodiscard]] Duration load_time() const { return load_time_; }
  [[nodiscard]] Bytes bytes() const;
  /// The most its container was seen to use while running it; the loaded size if that is more, or nothing was seen.
  [[nodiscard]] Bytes peak() const;
  [[nodiscard]] Duration execution() const { return execution_; }
  [[nodiscard]] ProfileSnapshot snapshot() const;

 private:
  static constexpr std::size_t kSizes = 8;

  std::uint32_t loads_ = 0;
  Duration load_time_{};
  Bytes estimated_bytes_;
  std::array<Bytes, kSizes> sizes_{};  ///< ring of the last measured sizes; 0 where none
  std::size_t next_size_ = 0;
  Bytes peak_;
  Duration execution_{};
  bool executed_ = false;
};

}  // namespace instainfer::core
