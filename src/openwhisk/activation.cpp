#include "instainfer/openwhisk/activation.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "instainfer/base/encoding.hpp"
#include "members.hpp"

namespace instainfer::openwhisk {
namespace {

constexpr std::size_t kActivationIdLength = 32;

std::int64_t millis(EpochMillis time) {
  return time.time_since_epoch().count();
}

/// The members that every form of a record has.
Json common_json(const Activation& activation) {
  Json json{{"namespace", activation.ns},
            {"name", activation.name},
            {"version", to_string(activation.version)},
            {"activationId", activation.activation_id},
            {"start", millis(activation.start)},
            {"annotations", to_json(activation.annotations)},
            {"publish", activation.publish}};
  if (activation.cause) json["cause"] = *activation.cause;
  if (activation.end) json["end"] = millis(*activation.end);
  if (activation.duration) json["duration"] = *activation.duration;
  return json;
}

Result<ActivationResponse> response_from_document(const Members& record) {
  const auto json = record.require("response");
  if (!json) return fail(json.error());
  const auto members = Members::of(**json, "response");
  if (!members) return fail(members.error());
  const auto status = members->integer("statusCode");
  if (!status) return fail(status.error());
  if (*status < 0 || *status > 3) return members->wrong("statusCode", "must be from 0 to 3");
  const auto size = members->optional_integer("size");
  if (!size) return fail(size.error());
  ActivationResponse response{static_cast<StatusCode>(*status), std::nullopt, *size};
  if ((*json)->contains("result")) response.result = (*json)->at("result");
  return response;
}

Result<std::vector<std::string>> logs_from_document(const Members& record) {
  const auto json = record.require("logs");
  if (!json) return fail(json.error());
  if (!(*json)->is_array()) return record.wrong("logs", "must be an array of strings");
  std::vector<std::string> logs;
  logs.reserve((*json)->size());
  for (const Json& line : **json) {
    if (!line.is_string()) return record.wrong("logs", "must be an array of strings");
    logs.push_back(line.get<std::string>());
  }
  return logs;
}

/// The texts of a record: namespace, name, subject, version, ids.
Result<Activation> identity_from_document(const Members& members) {
  Activation activation;
  std::string version_text;
  const std::array<std::pair<const char*, std::string*>, 5> texts{{{"namespace", &activation.ns},
                                                                   {"name", &activation.name},
                                                                   {"subject", &activation.subject},
                                                                   {"activationId", &activation.activation_id},
                                                                   {"version", &version_text}}};
  for (const auto& [name, target] : texts) {
    auto value = members.string(name);
    if (!value) return fail(std::move(value.error()));
    *target = *std::move(value);
  }
  if (auto id = parse_activation_id(activation.activation_id); !id)
    return members.wrong("activationId", id.error().message);
  const auto version = parse_semver(version_text);
  if (!version) return members.wrong("version", version.error().message);
  activation.version = *version;
  auto cause = members.optional_string("cause");
  if (!cause) return fail(std::move(cause.error()));
  activation.cause = *std::move(cause);
  return activation;
}

}  // namespace

std::string make_activation_id() {
  return random_hex(kActivationIdLength / 2);
}

Result<std::string> parse_activation_id(std::string_view text) {
  if (text.size() != kActivationIdLength) {
    return fail(ErrorCode::invalid_argument, "Activation id length is " + std::to_string(text.size()) +
                                                 " but must be " + std::to_string(kActivationIdLength) + ".");
  }
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!std::all_of(text.begin(), text.end(), is_hex)) {
    return fail(ErrorCode::invalid_argument, "The activation id is not valid.");
  }
  return std::string(text);
}

std::string_view status_text(StatusCode code) {
  switch (code) {
    case StatusCode::success:
      return "success";
    case StatusCode::application_error:
      return "application error";
    case StatusCode::developer_error:
      return "action developer error";
    case StatusCode::whisk_error:
      return "whisk internal error";
  }
  return "whisk internal error";
}

Json to_json(const ActivationResponse& response) {
  Json json{{"status", status_text(response.status)}, {"success", response.status == StatusCode::success}};
  if (response.result) json["result"] = *response.result;
  if (response.size) json["size"] = *response.size;
  return json;
}

Json to_json(const Activation& activation) {
  Json json = common_json(activation);
  json["subject"] = activation.subject;
  json["response"] = to_json(activation.response);
  json["logs"] = activation.logs;
  return json;
}

Json to_summary_json(const Activation& activation) {
  Json json = common_json(activation);
  json["statusCode"] = static_cast<int>(activation.response.status);
  return json;
}

Json to_document(const Activation& activation) {
  Json document = common_json(activation);
  document["_id"] = activation.ns + '/' + activation.activation_id;
  document["entityType"] = "activation";
  document["updated"] = millis(activation.end.value_or(activation.start));
  document["subject"] = activation.subject;
  document["logs"] = activation.logs;
  Json& response = document["response"];
  response["statusCode"] = static_cast<int>(activation.response.status);
  if (activation.response.result) response["result"] = *activation.response.result;
  if (activation.response.size) response["size"] = *activation.response.size;
  return document;
}

Result<Activation> activation_from_document(const Json& document) {
  const auto members = Members::of(document, "activation record");
  if (!members) return fail(members.error());
  auto activation = identity_from_document(*members);
  if (!activation) return activation;
  const auto start = members->integer("start");
  if (!start) return fail(start.error());
  const auto end = members->optional_integer("end");
  if (!end) return fail(end.error());
  const auto duration = members->optional_integer("duration");
  if (!duration) return fail(duration.error());
  auto response = response_from_document(*members);
  if (!response) return fail(response.error().in("activation record"));
  auto logs = logs_from_document(*members);
  if (!logs) return fail(std::move(logs.error()));
  const auto annotations_json = members->require("annotations");
  if (!annotations_json) return fail(annotations_json.error());
  auto annotations = key_values_from_json(**annotations_json, "annotations");
  if (!annotations) return fail(annotations.error().in("activation record"));
  const auto publish = members->boolean("publish");
  if (!publish) return fail(publish.error());

  activation->start = EpochMillis(std::chrono::milliseconds(*start));
  if (*end) activation->end = EpochMillis(std::chrono::milliseconds(**end));
  activation->duration = *duration;
  activation->response = *std::move(response);
  activation->logs = *std::move(logs);
  activation->annotations = *std::move(annotations);
  activation->publish = *publish;
  return activation;
}

std::string log_line(std::string_view rfc3339_time, std::string_view stream, std::string_view text) {
  constexpr std::size_t time_width = 30;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  std::string line(rfc3339_time);
  if (line.size() < time_width) line.resize(time_width, ' ');
  line += ' ';
  line += stream;
  line += ": ";
  line += to_valid_utf8(text);
  return line;
}

std::string rfc3339_nanoseconds(std::chrono::system_clock::time_point time) {
  using std::chrono::floor;
  const auto whole = floor<std::chrono::seconds>(time);
  const auto fraction = std::chrono::duration_cast<std::chrono::nanoseconds>(time - whole).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s.%09lldZ", date.data(), static_cast<long long>(fraction));
  return text.data();
}

}  // namespace instainfer::openwhisk
