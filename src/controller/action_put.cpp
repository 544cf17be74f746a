#include "action_put.hpp"

#include <algorithm>
#include <cctype>

#include "instainfer/base/encoding.hpp"

namespace instainfer::controller {
namespace {

using openwhisk::Exec;
using openwhisk::Json;
using openwhisk::KeyValues;

const Json* find_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string trimmed_lower_case(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  std::string lower(text.substr(first, text.find_last_not_of(blanks) - first + 1));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

ApiResult<const openwhisk::Runtime*> find_runtime(const std::string& kind,
                                                  const openwhisk::RuntimesManifest& manifest) {
  if (kind == "sequence" || kind == "blackbox") {
    return refuse(
        malformed_content("Actions of kind '" + kind +
                          "' are not supported by this platform. Valid values are: " + manifest.valid_kinds() + "."));
  }
  const openwhisk::Runtime* runtime = manifest.find(kind);
  if (runtime == nullptr) {
    return refuse(malformed_content("The specified runtime '" + kind +
                                    "' is not supported by this platform. Valid values are: " + manifest.valid_kinds() +
                                    "."));
  }
  if (runtime->deprecated) {
    return refuse(
        400, "The '" + runtime->kind +
                 "' runtime is no longer supported. You may read and delete but not update or invoke this action.");
  }
  return runtime;
}

/// A TorchScript action is a zip with model.pt, or a function.json alone that names a model of the node's repository.
ApiResult<void> check_code(const Exec& exec, const openwhisk::Runtime& runtime) {
  if (runtime.worker != openwhisk::WorkerType::torchscript || exec.binary) return {};
  const Json description = Json::parse(*exec.code, nullptr, /*allow_exceptions=*/false);
  if (description.is_object()) return {};
  return refuse(
      malformed_content("the code of a '" + exec.kind +
                        "' action must be a zip archive with model.pt (sent as base64), or a function.json: a JSON "
                        "object that names a model of the model repository; this is neither"));
}

ApiResult<Exec> parse_exec(const Json& json, const openwhisk::RuntimesManifest& manifest) {
  if (!json.is_object()) return refuse(malformed_content("'exec' must be an object"));
  const Json* kind = find_member(json, "kind");
  if (kind == nullptr || !kind->is_string())
    return refuse(malformed_content("'kind' must be a string defined in 'exec'"));
  const std::string requested = trimmed_lower_case(kind->get_ref<const std::string&>());
  const auto runtime = find_runtime(requested, manifest);
  if (!runtime) return refuse(runtime.error());

  Exec exec;
  exec.kind = (*runtime)->kind;
  const Json* code = find_member(json, "code");
  if (code == nullptr || !code->is_string()) {
    return refuse(malformed_content("'code' must be a string or attachment object defined in 'exec' for '" + requested +
                                    "' actions"));
  }
  exec.code = code->get<std::string>();
  exec.binary = looks_like_base64(*exec.code);
  const Json* main = find_member(json, "main");
  if (main != nullptr ? !main->is_string() : (*runtime)->require_main) {
    return refuse(malformed_content("'main' must be a string defined in 'exec' for '" + requested + "' actions"));
  }
  if (main != nullptr) exec.main = main->get<std::string>();
  if (auto valid = check_code(exec, **runtime); !valid) return refuse(valid.error());
  return exec;
}

ApiResult<std::optional<std::int64_t>> parse_limit(const Json& limits, const char* name) {
  const Json* value = find_member(limits, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer() || (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX)) {
    return refuse(malformed_content("'" + std::string(name) + "' in 'limits' must be an integer"));
  }
  return value->get<std::int64_t>();
}

ApiResult<ActionPut::Limits> parse_limits(const Json& json) {
  if (!json.is_object()) return refuse(malformed_content("'limits' must be an object"));
  ActionPut::Limits limits;
  const auto read = [&](const char* name, std::optional<std::int64_t>& into) -> ApiResult<void> {
    auto value = parse_limit(json, name);
    if (!value) return refuse(value.error());
    into = *value;
    return {};
  };
  for (const auto& [name, member] : {std::pair{"timeout", &limits.timeout}, std::pair{"memory", &limits.memory},
                                     std::pair{"logs", &limits.logs}, std::pair{"concurrency", &limits.concurrency}}) {
    if (auto done = read(name, *member); !done) return refuse(done.error());
  }
  return limits;
}

ApiResult<std::vector<std::string>> parse_names(const Json& json) {
  const auto malformed = [] { return refuse(malformed_content("'delAnnotations' must be an array of strings")); };
  if (!json.is_array()) return malformed();
  std::vector<std::string> names;
  for (const Json& name : json) {
    if (!name.is_string()) return malformed();
    names.push_back(name.get<std::string>());
  }
  return names;
}

ApiResult<std::optional<KeyValues>> parse_key_values(const Json& body, const char* member) {
  const Json* json = find_member(body, member);
  if (json == nullptr) return std::nullopt;
  auto values = openwhisk::key_values_from_json(*json, member);
  if (!values) return refuse(malformed_content(values.error().message));
  return std::move(*values);
}

/// The members that describe the document itself.
ApiResult<void> parse_document_members(const Json& body, ActionPut& put) {
  if (const Json* version = find_member(body, "version")) {
    auto parsed = version->is_string() ? openwhisk::parse_semver(version->get_ref<const std::string&>())
                                       : Result<openwhisk::SemVer>(fail(ErrorCode::invalid_argument, "not a string"));
    if (!parsed)
      return refuse(malformed_content("'version' must be a string like \"1.2.3\": " + parsed.error().message));
    put.version = *parsed;
  }
  if (const Json* publish = find_member(body, "publish")) {
    if (!publish->is_boolean()) return refuse(malformed_content("'publish' must be true or false"));
    put.publish = publish->get<bool>();
  }
  return {};
}

ApiResult<ActionPut> parse_members(const Json& body, const openwhisk::RuntimesManifest& manifest) {
  if (!body.is_object()) return refuse(malformed_content("JSON object expected"));
  ActionPut put;
  if (const Json* json = find_member(body, "exec")) {
    auto exec = parse_exec(*json, manifest);
    if (!exec) return refuse(exec.error());
    put.exec = std::move(*exec);
  }
  auto parameters = parse_key_values(body, "parameters");
  if (!parameters) return refuse(parameters.error());
  put.parameters = std::move(*parameters);
  auto annotations = parse_key_values(body, "annotations");
  if (!annotations) return refuse(annotations.error());
  put.annotations = std::move(*annotations);
  if (const Json* json = find_member(body, "delAnnotations")) {
    auto names = parse_names(*json);
    if (!names) return refuse(names.error());
    put.removed_annotations = std::move(*names);
  }
  if (const Json* json = find_member(body, "limits")) {
    auto limits = parse_limits(*json);
    if (!limits) return refuse(limits.error());
    put.limits = *limits;
  }
  if (auto done = parse_document_members(body, put); !done) return refuse(done.error());
  return put;
}

ApiResult<void> check_size(std::string_view what, std::size_t size, Bytes limit) {
  if (static_cast<std::int64_t>(size) <= limit.count) return {};
  return refuse(413, std::string(what) + " larger than allowed: " + std::to_string(size) + " > " +
                         std::to_string(limit.count) + " bytes.");
}

std::size_t size_of(const KeyValues& values) {
  std::size_t size = 0;
  for (const auto& pair : values) size += pair.key.size() + dump(pair.value).size();
  return size;
}

ApiResult<void> check_sizes(const ActionPut& put, const openwhisk::SystemLimits& limits) {
  if (put.exec) {
    const std::size_t size = put.exec->code->size() + put.exec->main.value_or("").size();
    if (auto fits = check_size("exec", size, limits.max_code); !fits) return fits;
  }
  if (put.parameters) {
    if (auto fits = check_size("parameters", size_of(*put.parameters), limits.max_parameters); !fits) return fits;
  }
  if (put.annotations) return check_size("annotations", size_of(*put.annotations), limits.max_parameters);
  return {};
}

/// OpenWhisk's sentence, prefix included: "requirement failed: memory size 2048 MB exceeds allowed threshold of 512
/// MB".
ApiResult<void> check_range(std::string_view what, std::optional<std::int64_t> value, std::int64_t min,
                            std::int64_t max, std::string_view unit) {
  if (!value || (*value >= min && *value <= max)) return {};
  const bool above = *value > max;
  const std::string suffix(unit);
  return refuse(400, "requirement failed: " + std::string(what) + " " + std::to_string(*value) + suffix +
                         (above ? " exceeds" : " below") + " allowed threshold of " +
                         std::to_string(above ? max : min) + suffix);
}

ApiResult<void> check_limits(const ActionPut::Limits& put, const openwhisk::SystemLimits& limits) {
  auto timeout =
      check_range("duration", put.timeout, limits.min_timeout.count(), limits.max_timeout.count(), " milliseconds");
  if (!timeout) return timeout;
  auto memory = check_range("memory size", put.memory, limits.min_memory.mib(), limits.max_memory.mib(), " MB");
  if (!memory) return memory;
  auto logs = check_range("log size", put.logs, limits.min_logs.mib(), limits.max_logs.mib(), " MB");
  if (!logs) return logs;
  return check_range("concurrency", put.concurrency, limits.min_concurrency, limits.max_concurrency, "");
}

void set_value(KeyValues& values, const std::string& key, Json value) {
  std::erase_if(values, [&](const openwhisk::KeyValue& pair) { return pair.key == key; });
  openwhisk::KeyValue pair;
  pair.key = key;
  pair.value = std::move(value);
  values.push_back(std::move(pair));
}

void apply_limits(const ActionPut::Limits& put, openwhisk::ActionLimits& limits) {
  if (put.timeout) limits.timeout = std::chrono::milliseconds(*put.timeout);
  if (put.memory) limits.memory = mebibytes(*put.memory);
  if (put.logs) limits.logs = mebibytes(*put.logs);
  if (put.concurrency) limits.concurrency = static_cast<int>(*put.concurrency);
}

}  // namespace

ApiResult<ActionPut> parse_action_put(const Json& body, const openwhisk::RuntimesManifest& manifest,
                                      const openwhisk::SystemLimits& limits) {
  auto put = parse_members(body, manifest);
  if (!put) return put;
  if (auto fits = check_sizes(*put, limits); !fits) return refuse(fits.error());
  if (auto allowed = check_limits(put->limits, limits); !allowed) return refuse(allowed.error());
  return put;
}

ApiResult<openwhisk::Action> created_action(openwhisk::EntityName name, ActionPut put, EpochMillis now) {
  if (!put.exec) return refuse(400, "exec undefined");
  openwhisk::Action action;
  action.name = std::move(name);
  action.exec = std::move(*put.exec);
  if (put.parameters) action.parameters = std::move(*put.parameters);
  if (put.annotations) action.annotations = std::move(*put.annotations);
  apply_limits(put.limits, action.limits);
  action.version = put.version.value_or(openwhisk::SemVer{});
  action.publish = put.publish.value_or(false);
  action.updated = now;
  if (openwhisk::find_value(action.annotations, "provide-api-key") == nullptr) {
    set_value(action.annotations, "provide-api-key", false);
  }
  set_value(action.annotations, "exec", action.exec.kind);
  return action;
}

openwhisk::Action updated_action(openwhisk::Action action, ActionPut put, EpochMillis now) {
  if (put.exec) action.exec = std::move(*put.exec);
  if (put.parameters) action.parameters = std::move(*put.parameters);
  for (const std::string& name : put.removed_annotations) {
    std::erase_if(action.annotations, [&](const openwhisk::KeyValue& pair) { return pair.key == name; });
  }
  if (put.annotations) {
    for (openwhisk::KeyValue& pair : *put.annotations) set_value(action.annotations, pair.key, std::move(pair.value));
  }
  apply_limits(put.limits, action.limits);
  action.version = put.version.value_or(action.version.next_patch());
  action.publish = put.publish.value_or(action.publish);
  action.updated = now;
  set_value(action.annotations, "exec", action.exec.kind);
  return action;
}

}  // namespace instainfer::controller
