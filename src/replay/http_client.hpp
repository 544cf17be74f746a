#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/base/time.hpp"

namespace instainfer::replay {

/// Where a server listens. Plain HTTP only.
struct Endpoint {
  std::string host;
  std::string port;
};

/// From "http://host:port", "host:port" or "host" (port 80). Errors: invalid_argument.
Result<Endpoint> parse_endpoint(std::string_view url);

struct HttpRequest {
  enum class Method : std::uint8_t { get, post };
  Method method = Method::get;
  std::string target;
  std::string authorization;  ///< the header's value; empty: none
  std::string body;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// Sends HTTP requests to one server, each in flight on a connection of its own; connections are kept for the next.
///
/// Never repeats a request: a call must not be made twice. Runs on one executor; must outlive its requests.
class HttpClient {
 public:
  HttpClient(boost::asio::any_io_executor executor, Endpoint endpoint);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Errors: unavailable (no connection, or lost), timed_out after `deadline`, counted from the call.
  Task<Result<HttpAnswer>> request(HttpRequest request, Duration deadline);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace instainfer::replay
