#include "info.hpp"

namespace instainfer::controller {

using openwhisk::Json;

Json deployment_info(const openwhisk::SystemLimits& limits, const openwhisk::RuntimesManifest& manifest) {
  Json numbers{{"actions_per_minute", limits.invocations_per_minute},
               {"triggers_per_minute", limits.fires_per_minute},
               {"concurrent_actions", limits.concurrent_invocations},
               {"min_action_duration", limits.min_timeout.count()},
               {"max_action_duration", limits.max_timeout.count()},
               {"min_action_memory", limits.min_memory.count},
               {"max_action_memory", limits.max_memory.count},
               {"min_action_logs", limits.min_logs.count},
               {"max_action_logs", limits.max_logs.count}};
  for (const char* name : {"min_action_duration", "max_action_duration", "min_action_memory", "max_action_memory",
                           "min_action_logs", "max_action_logs"}) {
    numbers["default_" + std::string(name)] = numbers[name];
  }
  return Json{{"description", "OpenWhisk"},
              {"support",
               Json{{"github", "https://github.com/apache/openwhisk/issues"}, {"slack", "http://slack.openwhisk.org"}}},
              {"api_paths", Json::array({"/api/v1"})},
              {"limits", std::move(numbers)},
              {"runtimes", manifest.to_info_json()}};
}

Json api_info(const ControllerSettings& settings) {
  return Json{{"description", "OpenWhisk API"},   {"api_version", "1.0.0"},
              {"api_version_path", "v1"},         {"build", settings.build},
              {"buildno", settings.build_number}, {"swagger_paths", Json{{"ui", "/docs"}, {"api-docs", "/api-docs"}}}};
}

Json namespace_limits(const openwhisk::SystemLimits& limits, const openwhisk::Identity& user) {
  const openwhisk::UserLimits& own = user.limits;
  Json json{{"invocationsPerMinute", own.invocations_per_minute.value_or(limits.invocations_per_minute)},
            {"concurrentInvocations", own.concurrent_invocations.value_or(limits.concurrent_invocations)},
            {"firesPerMinute", own.fires_per_minute.value_or(limits.fires_per_minute)},
            {"minActionMemory", limits.min_memory.mib()},
            {"maxActionMemory", limits.max_memory.mib()},
            {"minActionLogs", limits.min_logs.mib()},
            {"maxActionLogs", limits.max_logs.mib()},
            {"minActionTimeout", limits.min_timeout.count()},
            {"maxActionTimeout", limits.max_timeout.count()},
            {"minActionConcurrency", limits.min_concurrency},
            {"maxActionConcurrency", limits.max_concurrency},
            {"maxParameterSize", std::to_string(limits.max_parameters.count) + " B"}};
  if (own.store_activations) json["storeActivations"] = *own.store_activations;
  return json;
}

}  // namespace instainfer::controller
