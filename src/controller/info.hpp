#pragma once

#include "http_types.hpp"
#include "instainfer/controller/controller.hpp"

/// What the deployment says about itself (rest contract 3).
namespace instainfer::controller {

/// GET /
openwhisk::Json deployment_info(const openwhisk::SystemLimits& limits, const openwhisk::RuntimesManifest& manifest);
/// GET /api/v1
openwhisk::Json api_info(const ControllerSettings& settings);
/// GET /api/v1/namespaces/*/limits: the caller's own limits before the deployment's.
openwhisk::Json namespace_limits(const openwhisk::SystemLimits& limits, const openwhisk::Identity& user);

}  // namespace instainfer::controller
