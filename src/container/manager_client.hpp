#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "instainfer/base/task.hpp"
#include "instainfer/container/container.hpp"

namespace instainfer::container {

/// Speaks HTTP/1.1 with one container's manager over its UNIX socket (runtime/protocol.hpp, contract 4.5).
///
/// Connections are kept for the next call; calls may overlap (a /run while a /preload waits), each has one of its own.
/// One executor, not thread-safe. Must outlive its calls.
class ManagerClient {
 public:
  ManagerClient(std::filesystem::path socket, std::string token);
  ~ManagerClient();

  /// What a refused connection means: /init tries again every 50 ms until its limit, /run does not.
  enum class WhenRefused { retry, give_up };
  /// POST of an activation's request. Never fails as such: the answer says what happened. At most `max_body` bytes of
  /// an answer are kept, of a longer one the first `max_body`.
  Task<Container::Exchange> exchange(std::string target, nlohmann::json body, Duration limit, Bytes max_body,
                                     WhenRefused when_refused);
  /// A call of the control interface: the JSON answer of a 200, else the manager's sentence with a code for its status.
  Task<Result<nlohmann::json>> control(std::string method, std::string target, nlohmann::json body, Duration limit);

  void close();

 private:
  struct Connection;
  struct Call;
  struct Reply;

  Task<Reply> perform(Call call);
  Task<Reply> perform_on(Connection& connection, Call call);
  std::unique_ptr<Connection> take_idle_connection();

  std::filesystem::path socket_;
  std::string token_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace instainfer::container
