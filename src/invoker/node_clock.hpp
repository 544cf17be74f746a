#pragma once

#include <chrono>

#include "instainfer/base/time.hpp"

namespace instainfer::invoker {

/// The monotonic time that the driver gives to the core.
inline TimePoint node_now() {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

inline EpochMillis epoch_now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

inline std::chrono::steady_clock::time_point to_steady(TimePoint time) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
}

}  // namespace instainfer::invoker
