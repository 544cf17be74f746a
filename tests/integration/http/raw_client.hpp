#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "instainfer/base/unique_fd.hpp"

namespace instainfer::http {

/// A TCP client that says exactly what the test wants. Blocking, with ten seconds for every call; throws if they pass.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);

  /// False if the server has closed the connection.
  bool send(std::string_view bytes);
  /// One response: its header, and as many bytes of body as Content-Length says. Empty if the connection ended before.
  std::string receive();
  /// True if the server closes the connection without another byte.
  bool sees_end();

 private:
  bool fill();

  UniqueFd socket_;
  std::string buffer_;
};

}  // namespace instainfer::http
