#pragma once

#include "http_types.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/openwhisk/limits.hpp"
#include "instainfer/store/stores.hpp"

namespace instainfer::controller {

/// Reads activation records (rest contract 2.12, 2.13). One strand; lives as long as its calls.
class ActivationsApi {
 public:
  ActivationsApi(const openwhisk::SystemLimits& limits, store::ActivationStore& activations);

  Task<Answer> list(Call call);    ///< GET namespaces/*/activations
  Task<Answer> get(Call call);     ///< GET namespaces/*/activations/*
  Task<Answer> logs(Call call);    ///< GET namespaces/*/activations/*/logs
  Task<Answer> result(Call call);  ///< GET namespaces/*/activations/*/result

 private:
  Task<ApiResult<openwhisk::Activation>> find(Call call);

  const openwhisk::SystemLimits& limits_;
  store::ActivationStore& activations_;
};

}  // namespace instainfer::controller
