#include <limits>

#include "instainfer/base/encoding.hpp"
#include "instainfer/openwhisk/entities.hpp"
#include "members.hpp"

namespace instainfer::openwhisk {

const Json* find_value(const KeyValues& values, std::string_view key) {
  for (const KeyValue& pair : values) {
    if (pair.key == key) return &pair.value;
  }
  return nullptr;
}

bool is_truthy(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return !value.is_null();  // objects and arrays are true, also empty ones
}

Json to_json(const KeyValues& values) {
  Json array = Json::array();
  for (const KeyValue& pair : values) {
    Json element{{"key", pair.key}, {"value", pair.value}};
    if (pair.init) element["init"] = true;
    if (pair.encryption) element["encryption"] = *pair.encryption;
    array.push_back(std::move(element));
  }
  return array;
}

Result<KeyValues> key_values_from_json(const Json& json, std::string_view what) {
  if (!json.is_array()) {
    return fail(ErrorCode::invalid_argument, std::string(what) + " must be an array of {\"key\", \"value\"} objects");
  }
  KeyValues values;
  values.reserve(json.size());
  for (const Json& element : json) {
    const std::string where = std::string(what) + ", element " + std::to_string(values.size());
    const auto members = Members::of(element, where);
    if (!members) return fail(members.error());
    auto key = members->string("key");
    if (!key) return fail(std::move(key.error()));
    if (!element.contains("value")) return members->wrong("value", "is missing; it may be any JSON value");
    const auto init = members->boolean("init", false);
    if (!init) return fail(init.error());
    auto encryption = members->optional_string("encryption");
    if (!encryption) return fail(std::move(encryption.error()));
    values.push_back({*std::move(key), element["value"], *init, *std::move(encryption)});
  }
  return values;
}

Json to_json(const ActionLimits& limits) {
  return {{"timeout", limits.timeout.count()},
          {"memory", limits.memory.mib()},
          {"logs", limits.logs.mib()},
          {"concurrency", limits.concurrency}};
}

Result<ActionLimits> action_limits_from_json(const Json& json, const ActionLimits& base) {
  const auto members = Members::of(json, "limits");
  if (!members) return fail(members.error());
  ActionLimits limits = base;
  // Wide enough for every real limit, narrow enough that no unit conversion can overflow.
  constexpr std::int64_t ceiling = std::numeric_limits<std::int32_t>::max();
  for (const char* name : {"timeout", "memory", "logs", "concurrency"}) {
    if (!json.contains(name)) continue;
    const auto value = whole_number(json[name]);  // null is malformed here, unlike elsewhere (contract 2.1)
    if (!value) return members->wrong(name, "must be a whole number");
    if (*value < 0 || *value > ceiling) {
      return members->wrong(name, "is " + std::to_string(*value) + "; it must be from 0 to " + std::to_string(ceiling));
    }
    const std::string_view member = name;
    if (member == "timeout") limits.timeout = std::chrono::milliseconds(*value);
    if (member == "memory") limits.memory = mebibytes(*value);
    if (member == "logs") limits.logs = mebibytes(*value);
    if (member == "concurrency") limits.concurrency = static_cast<int>(*value);
  }
  return limits;
}

std::string execution_hash(const Action& action) {
  const auto by_key = [](const KeyValues& values) {  // their order means nothing (contract 3.5)
    Json object = Json::object();
    for (const KeyValue& pair : values) {
      object[pair.key] = {pair.value, pair.init, pair.encryption.value_or("")};
    }
    return object;
  };
  const Exec& exec = action.exec;
  Json parts{{"kind", exec.kind},
             {"code", exec.code ? sha256_hex(*exec.code) : exec.code_sha256},
             {"main", exec.main.value_or("")},
             {"binary", exec.binary},
             {"image", exec.image.value_or("")},
             {"components", exec.components},
             {"parameters", by_key(action.parameters)},
             {"annotations", by_key(action.annotations)},
             {"limits", to_json(action.limits)}};
  return sha256_hex(parts.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace instainfer::openwhisk
