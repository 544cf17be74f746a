#pragma once

#include <cstdint>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/invoker/config.hpp"
#include "instainfer/invoker/invoker.hpp"

namespace instainfer::invoker {

/// The operator's port: GET /ping, /status, /metrics. No authentication, so it binds to loopback unless configured otherwise.
class AdminServer {
 public:
  AdminServer(boost::asio::any_io_executor executor, const Listen& listen, const Invoker& invoker);
  ~AdminServer();
  Result<void> start();
  [[nodiscard]] std::uint16_t port() const;
  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace instainfer::invoker
