#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <nlohmann/json.hpp>

#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/bus/message_bus.hpp"
#include "instainfer/container/container.hpp"
#include "instainfer/invoker/config.hpp"
#include "instainfer/openwhisk/manifest.hpp"
#include "instainfer/store/stores.hpp"
#include "instainfer/tensors/model_repository.hpp"

namespace spdlog {
class logger;
}

namespace instainfer::invoker {

/// The daemon's driver of the decision core: turns messages, answers of containers and timers into events, and commands into
/// coroutines that talk to containers and stores. It decides nothing.
///
/// One executor, one thread: everything here runs on it. start() must have come back before messages are taken; stop() drains:
/// running activations end (at most Config::drain_limit), containers go, profiles are saved.
class Invoker {
 public:
  struct Dependencies {
    store::EntityStore& entities;
    store::ActivationStore& activations;
    store::ProfileStore& profiles;
    bus::InvokerBus& bus;
    container::ContainerFactory& containers;
    const openwhisk::RuntimesManifest& manifest;
    const tensors::ModelRepository* models;  ///< null: this node has none
    std::shared_ptr<spdlog::logger> log;
  };

  /// Refuses a configuration the core refuses.
  static Result<std::unique_ptr<Invoker>> make(boost::asio::any_io_executor executor, const Config& config,
                                               Dependencies dependencies);
  ~Invoker();

  /// Cleans up what an earlier run left, loads profiles, makes known functions plannable, starts stem cells, takes messages.
  Task<Result<void>> start();
  Task<void> stop();

  /// An action was created, changed or deleted: what is preloaded of it goes, its new form may be planned.
  void action_changed(openwhisk::EntityName name);

  /// GET /status (proto/status.schema.json).
  [[nodiscard]] nlohmann::json status() const;
  /// GET /metrics, Prometheus text format.
  [[nodiscard]] std::string metrics() const;

 private:
  struct Impl;
  explicit Invoker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace instainfer::invoker
