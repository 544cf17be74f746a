#include "instainfer/controller/controller.hpp"

#include <algorithm>

#include "api.hpp"
#include "instainfer/http/server.hpp"

namespace instainfer::controller {
namespace {

/// Room for the code as the client sends it, for parameters and for annotations, each at its limit.
Bytes max_body(const openwhisk::SystemLimits& limits) {
  return std::max(limits.max_code, limits.max_payload) + limits.max_parameters * 2;
}

http::ServerSettings server_settings(const ControllerSettings& settings) {
  http::ServerSettings server;
  server.bind = settings.bind;
  server.port = settings.port;
  server.max_body = max_body(settings.limits);
  return server;
}

}  // namespace

struct Controller::Impl {
  Impl(const boost::asio::any_io_executor& executor, const ControllerSettings& settings, Dependencies dependencies)
      : api(std::make_shared<Api>(executor, settings, std::move(dependencies))),
        server(executor, server_settings(settings),
               [this](Request request) { return api->handle(std::move(request)); }) {}

  std::shared_ptr<Api> api;  // shared with nobody: acknowledgements that come after the end find it gone
  http::Server server;
};

Controller::Controller(boost::asio::any_io_executor executor, ControllerSettings settings, Dependencies dependencies) {
  if (settings.users.empty()) settings.users = default_users();
  bus::ControllerBus& bus = dependencies.bus;
  impl_ = std::make_unique<Impl>(executor, settings, std::move(dependencies));
  bus.on_acknowledgement([weak = std::weak_ptr<Api>(impl_->api)](const openwhisk::Acknowledgement& ack) {
    if (const auto api = weak.lock()) api->acknowledged(ack);
  });
}

Controller::~Controller() = default;

Result<void> Controller::start() {
  return impl_->server.start();
}

std::uint16_t Controller::port() const {
  return impl_->server.port();
}

Task<void> Controller::stop() {
  impl_->api->close();
  co_await impl_->server.stop();
}

}  // namespace instainfer::controller
