#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What handlers see of HTTP: plain data, so that they run in tests without a socket.
namespace instainfer::http {

bool equal_ignoring_case(std::string_view a, std::string_view b);

struct Header {
  std::string name;
  std::string value;
};

/// One request as the server read it; the body is complete and within the server's limit.
struct Request {
  std::string method;  ///< upper case, as on the wire
  std::string target;  ///< path and query, still percent-encoded
  std::vector<Header> headers;
  std::string body;

  /// The first header of that name (case does not count), or null.
  [[nodiscard]] const std::string* find_header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers;
  std::string body;
};

}  // namespace instainfer::http
