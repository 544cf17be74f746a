#pragma once

#include <chrono>

namespace instainfer {

using Duration = std::chrono::nanoseconds;

/// The node's monotonic clock as the core sees it: injected, never read by the core itself.
struct NodeClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<NodeClock>;
  static constexpr bool is_steady = true;
};
using TimePoint = NodeClock::time_point;

/// Wall-clock time of records and log lines, in milliseconds since the epoch as OpenWhisk writes it.
using EpochMillis = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

constexpr double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr double milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }
/// Rounds towards zero; saturates instead of overflowing.
constexpr Duration from_seconds(double s) {
  constexpr double limit = 9.0e9;  // about 285 years in seconds, below Duration::max()
  if (!(s > -limit)) return Duration::min() / 2;
  if (!(s < limit)) return Duration::max() / 2;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

}  // namespace instainfer
