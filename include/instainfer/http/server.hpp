#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/http/message.hpp"

namespace instainfer::http {

struct ServerSettings {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 0;                     ///< 0: any free one
  Bytes max_body{50LL << 20};                 ///< more is answered with 413 in plain text
  int max_connections = 1024;                 ///< further ones wait in the kernel's queue
  std::chrono::seconds idle_timeout{70};      ///< between two requests of a connection
  std::chrono::seconds transfer_timeout{60};  ///< for reading one request, or writing one response
  std::chrono::seconds stop_timeout{5};       ///< for what is being answered when stop() is called
};

/// HTTP/1.1 with keep-alive in front of one handler. One strand. start() binds; stop() takes no new connections or
/// requests, lets running requests answer within `stop_timeout`, closes everything, and returns when no connection is
/// left. May be destroyed after stop() has returned, or when its executor runs nothing any more.
class Server {
 public:
  using Handler = std::function<Task<Response>(Request)>;

  Server(boost::asio::any_io_executor executor, ServerSettings settings, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Result<void> start();
  [[nodiscard]] std::uint16_t port() const;
  Task<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the connections' coroutines
};

}  // namespace instainfer::http
