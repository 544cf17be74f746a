#pragma once

#include <functional>

#include "http_types.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/controller/controller.hpp"

namespace instainfer::controller {

/// Create, update, get, list, delete of actions (rest contract 2.4, 2.5, 2.13). One strand; lives as long as its calls.
class ActionsApi {
 public:
  ActionsApi(const openwhisk::SystemLimits& limits, store::EntityStore& entities,
             const openwhisk::RuntimesManifest& manifest,
             std::function<void(const Controller::ActionChange&)> action_changed);

  Task<Answer> list(Call call);          ///< GET namespaces/*/actions
  Task<Answer> list_package(Call call);  ///< GET namespaces/*/actions/*/
  Task<Answer> get(Call call);           ///< GET namespaces/*/actions/[*/]*, and so on
  Task<Answer> put(Call call);
  Task<Answer> remove(Call call);

 private:
  const openwhisk::SystemLimits& limits_;
  store::EntityStore& entities_;
  const openwhisk::RuntimesManifest& manifest_;
  std::function<void(const Controller::ActionChange&)> action_changed_;
};

}  // namespace instainfer::controller
