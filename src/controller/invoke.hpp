#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "http_types.hpp"
#include "in_flight.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/bus/message_bus.hpp"
#include "instainfer/openwhisk/limits.hpp"
#include "instainfer/store/stores.hpp"
#include "result_waits.hpp"
#include "throttle.hpp"

namespace instainfer::controller {

/// Invokes actions: throttles, merges arguments, publishes, waits (rest contract 2.11, 2.19). One strand; lives as long
/// as its calls.
class InvokeApi {
 public:
  InvokeApi(boost::asio::any_io_executor executor, const openwhisk::SystemLimits& limits, store::EntityStore& entities,
            store::ActivationStore& activations, bus::ControllerBus& bus);

  /// POST namespaces/*/actions/[*/]*
  Task<Answer> invoke(Call call);
  void acknowledged(const openwhisk::Acknowledgement& ack);
  /// Blocking calls are answered with 202 from now on, those that wait already included.
  void close() { waits_.close(); }

  [[nodiscard]] InFlight& in_flight() { return in_flight_; }
  /// What the last publish() said; true before the first.
  [[nodiscard]] bool invoker_available() const { return invoker_available_; }

 private:
  ApiResult<void> check_throttles(const openwhisk::Identity& user);
  ApiResult<void> publish(const openwhisk::Action& action, openwhisk::ActivationMessage message);
  Task<Answer> wait_for_result(ResultWaits::Wait& wait, std::string ns, std::string activation_id,
                               std::chrono::milliseconds patience, bool only_result);

  const openwhisk::SystemLimits& limits_;
  store::EntityStore& entities_;
  store::ActivationStore& activations_;
  bus::ControllerBus& bus_;
  MinuteThrottle throttle_;
  InFlight in_flight_;
  ResultWaits waits_;
  bool invoker_available_ = true;
};

/// Stored parameters overridden by the payload; 400 if the payload names a final one (rest contract 2.7).
ApiResult<openwhisk::Json> merge_arguments(const openwhisk::Action& action, openwhisk::Json payload);

/// The answer to a blocking call whose activation has finished (rest contract 2.11, step 6).
Response blocking_answer(openwhisk::Activation activation, bool only_result);

}  // namespace instainfer::controller
