#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "instainfer/bus/message_bus.hpp"

namespace instainfer::bus {

/// Both ends in one process (standalone mode): a message is posted to the other side's executor, in order, never inline.
class LocalBus final : public InvokerBus, public ControllerBus {
 public:
  LocalBus(boost::asio::any_io_executor invoker, boost::asio::any_io_executor controller);
  ~LocalBus() override;

  void consume(ActivationHandler handler) override;
  void acknowledge(openwhisk::Acknowledgement ack) override;
  void on_acknowledgement(AckHandler handler) override;
  Result<void> publish(openwhisk::ActivationMessage message) override;
  /// From now on publish() answers `unavailable`; acknowledgements still flow.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace instainfer::bus
