// What an answer to /init or /run means for the activation: the two tables of contract 4.6, row by row.
#include "instainfer/base/encoding.hpp"
#include "instainfer/openwhisk/activation.hpp"
#include "instainfer/openwhisk/json.hpp"

namespace instainfer::openwhisk {
namespace {

constexpr std::string_view kMemoryExhausted = "The action exhausted its memory and was aborted.";

ActivationResponse error_response(StatusCode status, Json error, std::optional<std::int64_t> size = std::nullopt) {
  Json result = Json::object();
  result["error"] = std::move(error);
  return {status, std::move(result), size};
}

/// OpenWhisk measures texts in UTF-16 code units (contract 3.5, `response.size`).
std::int64_t utf16_length(std::string_view utf8) {
  std::int64_t units = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;  // continuation
    units += byte >= 0xF0 ? 2 : 1;        // beyond U+FFFF: a surrogate pair
  }
  return units;
}

bool took_too_long(const ContainerAnswer& answer, std::chrono::milliseconds took, std::chrono::milliseconds limit) {
  return answer.kind == ContainerAnswer::Kind::timed_out || took >= limit;
}

std::string time_limit_text(std::chrono::milliseconds limit) {
  return "The action exceeded its time limits of " + std::to_string(limit.count()) + " milliseconds";
}

ActivationResponse oversized(StatusCode status, const ContainerAnswer& answer) {
  const std::int64_t length = *answer.oversized_length;
  return error_response(status,
                        "The action produced a response that exceeded the allowed length: " + std::to_string(length) +
                            " > " + std::to_string(answer.max_length) +
                            " bytes. The truncated response was: " + to_valid_utf8(answer.body),
                        length);
}

/// `<sentence>: <text>`, or `<sentence>.` without a text.
std::string with_text(std::string sentence, std::string_view text) {
  if (text.empty()) return sentence + '.';
  sentence += ": ";
  sentence += text;
  return sentence;
}

const Json* error_member(const Result<Json>& parsed) {
  if (!parsed || !parsed->is_object()) return nullptr;
  const auto error = parsed->find("error");
  return error == parsed->end() ? nullptr : &*error;
}

}  // namespace

ActivationResponse init_response(const ContainerAnswer& answer, std::chrono::milliseconds took,
                                 std::chrono::milliseconds limit) {
  const bool answered = answer.kind == ContainerAnswer::Kind::answered;
  if (answered && answer.http_status == 200 && !answer.oversized_length) return {};
  if (took_too_long(answer, took, limit)) {
    return error_response(StatusCode::developer_error, time_limit_text(limit) + " during initialization.");
  }
  if (answer.kind == ContainerAnswer::Kind::memory_exhausted) {
    return error_response(StatusCode::developer_error, kMemoryExhausted);
  }
  if (!answered) {
    return error_response(StatusCode::developer_error, "The action did not initialize and exited unexpectedly.");
  }
  if (answer.oversized_length) return oversized(StatusCode::developer_error, answer);

  const std::string text = to_valid_utf8(answer.body);
  const std::int64_t size = utf16_length(text);
  const Result<Json> parsed = parse_json(text);
  if (const Json* error = error_member(parsed)) return error_response(StatusCode::developer_error, *error, size);
  return error_response(StatusCode::developer_error, with_text("The action failed during initialization", text), size);
}

ActivationResponse run_response(const ContainerAnswer& answer, std::chrono::milliseconds took,
                                std::chrono::milliseconds limit) {
  if (took_too_long(answer, took, limit)) {
    return error_response(StatusCode::developer_error, time_limit_text(limit) + '.');
  }
  if (answer.kind == ContainerAnswer::Kind::memory_exhausted) {
    return error_response(StatusCode::developer_error, kMemoryExhausted);
  }
  if (answer.kind != ContainerAnswer::Kind::answered) {
    return error_response(StatusCode::developer_error,
                          "The action did not produce a valid response and exited unexpectedly.");
  }
  if (answer.oversized_length) return oversized(StatusCode::application_error, answer);

  const std::string text = to_valid_utf8(answer.body);
  const std::int64_t size = utf16_length(text);
  Result<Json> parsed = parse_json(text);
  const bool ok = answer.http_status == 200;
  if (const Json* error = error_member(parsed)) {
    return error_response(ok ? StatusCode::application_error : StatusCode::developer_error, *error, size);
  }
  if (ok && parsed && (parsed->is_object() || parsed->is_array())) {
    return {StatusCode::success, *std::move(parsed), size};
  }
  return error_response(StatusCode::developer_error,
                        with_text("The action did not produce a valid JSON or JSON Array response", text), size);
}

}  // namespace instainfer::openwhisk
