#include "throttle.hpp"

#include <chrono>

namespace instainfer::controller {

int MinuteThrottle::count(const std::string& ns, EpochMillis now) {
  const std::int64_t minute = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
  if (minute != minute_) {
    minute_ = minute;
    counts_.clear();
  }
  return ++counts_[ns];
}

}  // namespace instainfer::controller
