#pragma once

#include <functional>

#include "instainfer/base/result.hpp"
#include "instainfer/openwhisk/activation.hpp"

namespace instainfer::bus {

/// The invoker's side of the bus: activations come in, acknowledgements go out. Implementations: local; kafka later.
class InvokerBus {
 public:
  virtual ~InvokerBus() = default;
  using ActivationHandler = std::function<void(openwhisk::ActivationMessage)>;
  /// Calls the handler on the invoker's executor for every activation, in order, from now on.
  virtual void consume(ActivationHandler handler) = 0;
  virtual void acknowledge(openwhisk::Acknowledgement ack) = 0;
};

/// The controller's side.
class ControllerBus {
 public:
  virtual ~ControllerBus() = default;
  using AckHandler = std::function<void(openwhisk::Acknowledgement)>;
  /// Calls the handler on the controller's executor for every acknowledgement, from now on.
  virtual void on_acknowledgement(AckHandler handler) = 0;
  /// `unavailable` if no invoker takes activations (not started, draining).
  virtual Result<void> publish(openwhisk::ActivationMessage message) = 0;
};

}  // namespace instainfer::bus
