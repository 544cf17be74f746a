#include "requests.hpp"

#include <algorithm>

namespace instainfer::invoker {
namespace {

using openwhisk::Json;

/// Text form of a value in the environment (contract 4.4): null is "", containers are compact JSON.
std::string environment_text(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Absent means provided: actions from before the annotation existed expect their key (contract 4.4).
bool provides_api_key(const openwhisk::Action& action) {
  const Json* asked = openwhisk::find_value(action.annotations, "provide-api-key");
  return asked == nullptr || openwhisk::is_truthy(*asked);
}

std::string api_key(const openwhisk::Identity& user) {
  return user.auth_uuid + ":" + user.auth_key;
}

std::string deadline_text(EpochMillis deadline) {
  return std::to_string(deadline.time_since_epoch().count());
}

bool goes_to_init(const openwhisk::ActivationMessage& message, const std::string& key) {
  return std::find(message.init_args.begin(), message.init_args.end(), key) != message.init_args.end();
}

Json init_value(const Function& function, Json environment) {
  const openwhisk::Exec& exec = function.action.exec;
  return {{"name", function.action.name.name},
          {"main", exec.main.value_or("main")},
          {"binary", exec.binary},
          {"code", function.code},
          {"env", std::move(environment)}};
}

}  // namespace

Json init_body(const Function& function, const openwhisk::ActivationMessage& message, EpochMillis deadline,
               const runtime::WorkerSpec& worker) {
  Json environment = Json::object();
  if (message.content.is_object()) {
    for (const auto& [key, value] : message.content.items()) {
      if (goes_to_init(message, key)) environment[key] = environment_text(value);
    }
  }
  environment["__OW_NAMESPACE"] = message.user.ns;
  environment["__OW_ACTION_NAME"] = "/" + message.action.qualified();
  environment["__OW_ACTION_VERSION"] = to_string(function.action.version);
  environment["__OW_ACTIVATION_ID"] = message.activation_id;
  environment["__OW_TRANSACTION_ID"] = message.transaction.id;
  environment["__OW_DEADLINE"] = deadline_text(deadline);
  if (provides_api_key(function.action)) environment["__OW_API_KEY"] = api_key(message.user);
  return {{"value", init_value(function, std::move(environment))}, {"worker", runtime::to_json(worker)}};
}

Json run_body(const Function& function, const openwhisk::ActivationMessage& message, EpochMillis deadline) {
  Json arguments = message.content;
  for (const std::string& key : message.init_args) {
    if (arguments.is_object()) arguments.erase(key);
  }
  Json body = {{"value", std::move(arguments)},
               {"namespace", message.user.ns},
               {"action_name", "/" + message.action.qualified()},
               {"action_version", to_string(function.action.version)},
               {"activation_id", message.activation_id},
               {"transaction_id", message.transaction.id},
               {"deadline", deadline_text(deadline)},
               {"function", function.key}};
  if (provides_api_key(function.action)) body["api_key"] = api_key(message.user);
  return body;
}

runtime::PreloadRequest preload_request(const Function& function, const runtime::WorkerSpec& worker) {
  Json environment = {{"__OW_NAMESPACE", function.ns},
                      {"__OW_ACTION_NAME", "/" + function.action.name.qualified()},
                      {"__OW_ACTION_VERSION", to_string(function.action.version)}};
  return {worker, init_value(function, std::move(environment))};
}

}  // namespace instainfer::invoker
