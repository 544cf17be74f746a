#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http_types.hpp"
#include "instainfer/base/files.hpp"
#include "instainfer/controller/controller.hpp"

namespace instainfer::controller {

/// The invoker's side as the test scripts it: remembers what was published; acknowledges when told to.
class FakeBus final : public bus::ControllerBus {
 public:
  void on_acknowledgement(AckHandler handler) override { handler_ = std::move(handler); }
  Result<void> publish(openwhisk::ActivationMessage message) override;
  void acknowledge(const openwhisk::Acknowledgement& ack) { handler_(ack); }

  std::vector<openwhisk::ActivationMessage> published;
  bool available = true;
  std::function<void(const openwhisk::ActivationMessage&)> on_publish;  ///< called before publish() returns

 private:
  AckHandler handler_;
};

/// The API in front of a SQLite file and a fake bus; the caller is `guest` unless a request says otherwise.
class ApiHarness {
 public:
  explicit ApiHarness(openwhisk::SystemLimits limits = {}, std::vector<openwhisk::Identity> users = default_users());
  ~ApiHarness();

  /// Runs the event loop until the answer is there.
  Response send(const std::string& method, const std::string& target, const std::string& body = "",
                std::vector<Header> headers = {});
  Response send_as(const std::string& credentials, const std::string& method, const std::string& target);
  /// Starts a request; `run_until` lets it go on.
  std::shared_ptr<std::optional<Response>> begin(const std::string& method, const std::string& target,
                                                 const std::string& body = "", std::vector<Header> headers = {});
  /// Fails the test if the condition does not come true within half a minute.
  void run_until(const std::function<bool()>& condition);
  void put_record(const openwhisk::Activation& activation);
  void close();

  FakeBus bus;
  std::vector<Controller::ActionChange> changes;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

openwhisk::Json json_of(const Response& response);
/// The text of an error body, after checking its shape.
std::string error_of(const Response& response);
const std::string& guest_credentials();

/// A finished activation of the message, with this response.
openwhisk::Activation record_of(const openwhisk::ActivationMessage& message, openwhisk::StatusCode status,
                                openwhisk::Json result);
/// Result and completion in one, as the local invoker sends it.
openwhisk::Acknowledgement combined_ack(const openwhisk::Activation& activation);

std::string actions_path(const std::string& rest);

}  // namespace instainfer::controller
