#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "instainfer/base/time.hpp"

namespace instainfer::controller {

/// Counts requests per namespace and calendar minute, as OpenWhisk does (rest contract 2.19): refused ones count as
/// well.
class MinuteThrottle {
 public:
  /// Counts one request of `ns` at `now` and answers how many that makes in this minute.
  int count(const std::string& ns, EpochMillis now);

 private:
  std::int64_t minute_ = 0;
  std::map<std::string, int> counts_;  ///< of minute_ alone
};

}  // namespace instainfer::controller
