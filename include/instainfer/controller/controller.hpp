#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/bus/message_bus.hpp"
#include "instainfer/openwhisk/limits.hpp"
#include "instainfer/openwhisk/manifest.hpp"
#include "instainfer/store/stores.hpp"

namespace instainfer::controller {

struct ControllerSettings {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 3233;                       ///< 0: any free one
  openwhisk::SystemLimits limits;
  std::vector<openwhisk::Identity> users;          ///< guest and whisk.system unless configured otherwise
  std::string build = "";                          ///< build date and version shown by `wsk property get`
  std::string build_number = "";
};

/// OpenWhisk's public development users (rest contract 2.2).
std::vector<openwhisk::Identity> default_users();

/// The REST API that `wsk` and OpenWhisk's clients speak (rest-api contract), in front of one bus. One strand; start() binds
/// (an Error says which port is taken), stop() ends open connections and waits.
class Controller {
 public:
  /// Told about every change of an action, so that the invoker can plan for functions nobody called yet.
  struct ActionChange {
    openwhisk::EntityName name;
    bool deleted = false;
  };
  struct Dependencies {
    store::EntityStore& entities;
    store::ActivationStore& activations;
    bus::ControllerBus& bus;
    const openwhisk::RuntimesManifest& manifest;
    std::function<void(const ActionChange&)> action_changed;
  };

  Controller(boost::asio::any_io_executor executor, ControllerSettings settings, Dependencies dependencies);
  ~Controller();

  Result<void> start();
  [[nodiscard]] std::uint16_t port() const;
  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace instainfer::controller
