#pragma once

#include <chrono>

#include "instainfer/base/bytes.hpp"
#include "instainfer/openwhisk/entities.hpp"

namespace instainfer::openwhisk {

/// Limits of the deployment; defaults are OpenWhisk's but for memory and concurrency (rest contract 2.10, 4.3).
struct SystemLimits {
  std::chrono::milliseconds min_timeout{100}, max_timeout{300000};
  Bytes min_memory{128LL << 20}, max_memory{8LL << 30};
  Bytes min_logs{0}, max_logs{10LL << 20};
  int min_concurrency = 1, max_concurrency = 1;
  Bytes max_code{48LL << 20};
  Bytes max_parameters{1LL << 20};   ///< bound parameters, annotations: each
  Bytes max_payload{1LL << 20};      ///< body of an invoke
  Bytes max_result{1LL << 20};       ///< larger ones are truncated and an application error
  Bytes truncation{1LL << 20};       ///< kept of an oversized result
  int invocations_per_minute = 60;   ///< per namespace; negative: no throttle
  int concurrent_invocations = 30;
  int fires_per_minute = 60;
  int max_list = 200, default_list = 30;
  std::chrono::milliseconds blocking_wait{60000};
};

}  // namespace instainfer::openwhisk
