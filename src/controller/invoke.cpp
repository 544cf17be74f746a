#include "invoke.hpp"

#include <algorithm>
#include <charconv>

#include "auth.hpp"

namespace instainfer::controller {
namespace {

using namespace std::chrono_literals;
using openwhisk::Json;
using Clock = std::chrono::steady_clock;

/// In case an acknowledgement gets lost, the store is asked as well (OpenWhisk: polling-from-db).
constexpr auto kPollInterval = 15s;
/// How soon after an acknowledgement without record the store is asked for it, and how much later each time.
constexpr auto kFirstRead = 1s;
constexpr auto kReadBackOff = 2s;

struct InvokeOptions {
  bool blocking = false;
  bool only_result = false;
  std::chrono::milliseconds patience{};
};

ApiResult<InvokeOptions> parse_options(const Query& query, std::chrono::milliseconds max_wait) {
  InvokeOptions options;
  const auto blocking = query.boolean("blocking", false);
  if (!blocking) return refuse(blocking.error());
  const auto result = query.boolean("result", false);
  if (!result) return refuse(result.error());
  options.blocking = *blocking;
  options.only_result = *result;
  options.patience = max_wait;
  if (const std::string* text = query.find("timeout")) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size() || value < 1 || value > max_wait.count()) {
      return refuse(malformed_query(
          "timeout", "Timeout must be number of milliseconds up to " + std::to_string(max_wait.count()) + "."));
    }
    options.patience = std::chrono::milliseconds(value);
  }
  return options;
}

Response with_activation_id(Response response, const std::string& activation_id) {
  response.headers.push_back({"x-openwhisk-activation-id", activation_id});
  return response;
}

Response accepted(const std::string& activation_id) {
  return with_activation_id(json_response(202, Json{{"activationId", activation_id}}), activation_id);
}

ApiError too_many_concurrent(int count, int limit) {
  return {429,
          "Too many concurrent requests in flight (count: " + std::to_string(count) +
              ", allowed: " + std::to_string(limit) + ").",
          {}};
}

ApiError too_many_per_minute(int count, int limit) {
  return {429,
          "Too many requests in the last minute (count: " + std::to_string(count) +
              ", allowed: " + std::to_string(limit) + ").",
          {}};
}

/// The payload as an object, within the limit.
ApiResult<Json> parse_payload(const Request& request, Bytes limit) {
  if (static_cast<std::int64_t>(request.body.size()) > limit.count) {
    return refuse(413, "Request larger than allowed: " + std::to_string(request.body.size()) + " > " +
                           std::to_string(limit.count) + " bytes.");
  }
  auto payload = json_body(request);
  if (payload && !payload->is_object()) return refuse(malformed_content("JSON object expected"));
  return payload;
}

std::vector<std::string> init_parameters(const openwhisk::Action& action) {
  std::vector<std::string> names;
  for (const auto& pair : action.parameters) {
    if (pair.init) names.push_back(pair.key);
  }
  return names;
}

/// When an activation gives up its place even if no acknowledgement came (rest contract 6.6, step 5).
Clock::time_point completion_deadline(std::chrono::milliseconds timeout) {
  return Clock::now() + 2 * std::max<std::chrono::milliseconds>(timeout, 60s) + 60s;
}

}  // namespace

ApiResult<Json> merge_arguments(const openwhisk::Action& action, Json payload) {
  const Json* final_annotation = openwhisk::find_value(action.annotations, "final");
  const bool is_final = final_annotation != nullptr && *final_annotation == Json(true);
  for (const auto& pair : action.parameters) {
    const bool overridden = payload.contains(pair.key);
    if (overridden && is_final && !pair.value.is_null()) {
      return refuse(400, "Request defines parameters that are not allowed (e.g., reserved properties).");
    }
    if (!overridden) payload[pair.key] = pair.value;
  }
  return payload;
}

Response blocking_answer(openwhisk::Activation activation, bool only_result) {
  const openwhisk::StatusCode status = activation.response.status;
  int http_status = 502;
  if (status == openwhisk::StatusCode::success) http_status = 200;
  if (status == openwhisk::StatusCode::whisk_error) http_status = 500;
  activation.logs.clear();  // they may still be on their way; a caller asks for them afterwards
  const std::optional<Json>& result = activation.response.result;
  const bool bare = only_result || (result && result->is_array());
  const Json body = bare ? result.value_or(Json::object()) : openwhisk::to_json(activation);
  return with_activation_id(json_response(http_status, body), activation.activation_id);
}

InvokeApi::InvokeApi(boost::asio::any_io_executor executor, const openwhisk::SystemLimits& limits,
                     store::EntityStore& entities, store::ActivationStore& activations, bus::ControllerBus& bus)
    : limits_(limits), entities_(entities), activations_(activations), bus_(bus), waits_(std::move(executor)) {
}

Task<Answer> InvokeApi::invoke(Call call) {
  const bool packaged = call.parameters.size() == 3;
  auto name = resolve_entity(call.user, call.parameters[0], packaged ? call.parameters[1] : "", call.parameters.back());
  if (!name) co_return refuse(name.error());
  if (auto allowed = check_throttles(call.user); !allowed) co_return refuse(allowed.error());
  const auto options = parse_options(call.query, limits_.blocking_wait);
  if (!options) co_return refuse(options.error());
  auto payload = parse_payload(call.request, limits_.max_payload);
  if (!payload) co_return refuse(payload.error());
  const auto action = co_await entities_.get_action_without_code(*name);
  if (!action) co_return refuse(from_error(action.error()));
  auto arguments = merge_arguments(*action, std::move(*payload));
  if (!arguments) co_return refuse(arguments.error());

  openwhisk::ActivationMessage message;
  message.transaction = call.transaction;
  message.action = *name;
  message.revision = action->revision;
  message.user = call.user;
  message.activation_id = openwhisk::make_activation_id();
  message.blocking = options->blocking;
  message.content = std::move(*arguments);
  message.init_args = init_parameters(*action);
  const std::string activation_id = message.activation_id;

  if (!options->blocking) {
    if (auto sent = publish(*action, std::move(message)); !sent) co_return refuse(sent.error());
    co_return accepted(activation_id);
  }
  ResultWaits::Wait wait(waits_, activation_id);
  if (auto sent = publish(*action, std::move(message)); !sent) co_return refuse(sent.error());
  co_return co_await wait_for_result(wait, call.user.ns, activation_id, options->patience, options->only_result);
}

void InvokeApi::acknowledged(const openwhisk::Acknowledgement& ack) {
  if (ack.completion) in_flight_.complete(ack.activation_id);
  if (ack.activation || !ack.completion) waits_.deliver(ack);
}

ApiResult<void> InvokeApi::check_throttles(const openwhisk::Identity& user) {
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const int per_minute = user.limits.invocations_per_minute.value_or(limits_.invocations_per_minute);
  if (const int count = throttle_.count(user.ns, now); per_minute >= 0 && count > per_minute) {
    return refuse(too_many_per_minute(count, per_minute));
  }
  const int concurrent = user.limits.concurrent_invocations.value_or(limits_.concurrent_invocations);
  if (const int count = in_flight_.count(user.ns, Clock::now()); concurrent >= 0 && count >= concurrent) {
    return refuse(too_many_concurrent(count, concurrent));
  }
  return {};
}

ApiResult<void> InvokeApi::publish(const openwhisk::Action& action, openwhisk::ActivationMessage message) {
  const std::string activation_id = message.activation_id;
  in_flight_.begin(activation_id, message.user.ns, message.action.qualified(),
                   completion_deadline(action.limits.timeout));
  const auto sent = bus_.publish(std::move(message));
  invoker_available_ = sent.has_value() || sent.error().code != ErrorCode::unavailable;
  if (sent) return {};
  in_flight_.complete(activation_id);
  return refuse(from_error(sent.error()));
}

/// `wait` lives in the frame of the only caller, which awaits this.
Task<Answer> InvokeApi::wait_for_result(ResultWaits::Wait& wait, std::string ns, std::string activation_id,
                                        std::chrono::milliseconds patience, bool only_result) {
  const auto deadline = Clock::now() + patience;
  std::chrono::milliseconds interval = kPollInterval;
  bool reading = false;  // the invoker said that the record is in the store
  while (true) {
    co_await wait.until(std::min(deadline, Clock::now() + interval));
    if (wait.result()) co_return blocking_answer(std::move(*wait.result()), only_result);
    if (wait.closed()) co_return accepted(activation_id);
    if (wait.stored() && !reading) {
      reading = true;
      interval = kFirstRead;
      continue;
    }
    if (auto stored = co_await activations_.get(ns, activation_id); stored) {
      co_return blocking_answer(std::move(*stored), only_result);
    }
    if (Clock::now() >= deadline) co_return accepted(activation_id);
    if (reading) interval = std::min<std::chrono::milliseconds>(interval + kReadBackOff, kPollInterval);
  }
}

}  // namespace instainfer::controller
