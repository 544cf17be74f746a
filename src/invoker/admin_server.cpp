#include "admin_server.hpp"

#include "instainfer/http/server.hpp"

namespace instainfer::invoker {
namespace {

http::Response answer(const Invoker& invoker, const http::Request& request) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const bool known = path == "/ping" || path == "/status" || path == "/metrics";
  if (!known) return {404, "text/plain", {}, "not found; here are /ping, /status and /metrics\n"};
  if (request.method != "GET") return {405, "text/plain", {{"Allow", "GET"}}, "only GET\n"};
  if (path == "/ping") return {200, "text/plain", {}, "pong"};
  if (path == "/status") return {200, "application/json", {}, invoker.status().dump()};
  return {200, "text/plain; version=0.0.4", {}, invoker.metrics()};
}

Task<http::Response> handle(const Invoker& invoker, http::Request request) {
  co_return answer(invoker, request);
}

http::ServerSettings server_settings(const Listen& listen) {
  http::ServerSettings settings;
  settings.bind = listen.bind;
  settings.port = listen.port;
  settings.max_body = Bytes{64 * 1024};
  return settings;
}

}  // namespace

struct AdminServer::Impl {
  Impl(boost::asio::any_io_executor executor, const Listen& listen, const Invoker& invoker)
      : server(std::move(executor), server_settings(listen),
               [&invoker](http::Request request) { return handle(invoker, std::move(request)); }) {}
  http::Server server;
};

AdminServer::AdminServer(boost::asio::any_io_executor executor, const Listen& listen, const Invoker& invoker)
    : impl_(std::make_unique<Impl>(std::move(executor), listen, invoker)) {}

AdminServer::~AdminServer() = default;

Result<void> AdminServer::start() {
  return impl_->server.start();
}

std::uint16_t AdminServer::port() const {
  return impl_->server.port();
}

Task<void> AdminServer::stop() {
  return impl_->server.stop();
}

}  // namespace instainfer::invoker
