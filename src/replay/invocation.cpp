#include "invocation.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace instainfer::replay {
namespace {

using nlohmann::json;

/// The value of an annotation, or null.
json annotation(const json& record, std::string_view key) {
  const auto list = record.find("annotations");
  if (list == record.end() || !list->is_array()) return nullptr;
  for (const auto& entry : *list) {
    if (entry.is_object() && entry.value("key", json()) == key) return entry.value("value", json());
  }
  return nullptr;
}

double number_or(const json& value, double otherwise) {
  return value.is_number() ? value.get<double>() : otherwise;
}
std::string text_or(const json& value, std::string otherwise) {
  return value.is_string() ? value.get<std::string>() : otherwise;
}

json optional_json(const auto& value) {
  return value ? json(*value) : json();
}

}  // namespace

Result<void> read_activation(const json& record, Invocation& invocation) {
  if (!record.is_object() || !record.contains("activationId") || !record.contains("response") ||
      !record["response"].is_object()) {
    return fail(ErrorCode::invalid_argument,
                "the answer is not an activation record (activationId and response missing)");
  }
  const auto& response = record["response"];
  const auto init = annotation(record, "initTime");
  const auto queue_ms = number_or(annotation(record, "waitTime"), 0);

  invocation.activation_id = text_or(record["activationId"], "");
  invocation.init_ms = number_or(init, 0);
  invocation.run_ms = std::max(0.0, number_or(record.value("duration", json()), 0) - invocation.init_ms);
  invocation.start_type = text_or(annotation(record, "startupType"), init.is_number() ? "cold" : "warm");
  invocation.preload_level = text_or(annotation(record, "preloadLevel"), "none");
  invocation.loading_ms = number_or(annotation(record, "loadTime"), queue_ms + invocation.init_ms);
  invocation.wait_ms = number_or(annotation(record, "memoryWaitTime"), 0);
  invocation.status = text_or(response.value("status", json()), "no status");
  const auto result = response.value("result", json());
  if (!invocation.succeeded() && result.is_object() && result.contains("error"))
    invocation.error = result["error"].dump();
  return {};
}

json to_json(const Invocation& invocation) {
  return {{"activation_id", invocation.activation_id},
          {"function", invocation.function},
          {"model", invocation.model},
          {"scheduled_ms", invocation.scheduled_ms},
          {"sent_ms", invocation.sent_ms},
          {"end_to_end_ms", invocation.end_to_end_ms},
          {"wait_ms", invocation.wait_ms},
          {"init_ms", invocation.init_ms},
          {"loading_ms", invocation.loading_ms},
          {"run_ms", invocation.run_ms},
          {"start_type", invocation.start_type},
          {"preload_level", invocation.preload_level},
          {"status", invocation.status},
          {"error", invocation.error},
          {"equals_reference", optional_json(invocation.equals_reference)},
          {"largest_difference", optional_json(invocation.largest_difference)}};
}

Result<Invocation> invocation_from_json(const json& line) {
  Invocation invocation;
  try {
    invocation.activation_id = line.at("activation_id");
    invocation.function = line.at("function");
    invocation.model = line.at("model");
    invocation.scheduled_ms = line.at("scheduled_ms");
    invocation.sent_ms = line.at("sent_ms");
    invocation.end_to_end_ms = line.at("end_to_end_ms");
    invocation.wait_ms = line.at("wait_ms");
    invocation.init_ms = line.at("init_ms");
    invocation.loading_ms = line.at("loading_ms");
    invocation.run_ms = line.at("run_ms");
    invocation.start_type = line.at("start_type");
    invocation.preload_level = line.at("preload_level");
    invocation.status = line.at("status");
    invocation.error = line.at("error");
    if (!line.at("equals_reference").is_null()) invocation.equals_reference = line["equals_reference"].get<bool>();
    if (!line.at("largest_difference").is_null())
      invocation.largest_difference = line["largest_difference"].get<double>();
  } catch (const json::exception& error) {
    return fail(ErrorCode::invalid_argument, std::string("not a line of output.log: ") + error.what());
  }
  return invocation;
}

}  // namespace instainfer::replay
