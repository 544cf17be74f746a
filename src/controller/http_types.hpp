#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "instainfer/http/message.hpp"
#include "instainfer/openwhisk/activation.hpp"
#include "instainfer/openwhisk/entities.hpp"

/// What the handlers of the REST API see of HTTP: plain data, so that they run in tests without a socket.
namespace instainfer::controller {

using http::Header;
using http::Request;
using http::Response;

/// An answer that is not 2xx of its own making: becomes {"error": text, "code": transaction id}.
struct ApiError {
  int status = 500;
  std::string text;
  std::string cause;  ///< for the log alone: what went wrong on our side
};

template <typename T>
using ApiResult = tl::expected<T, ApiError>;
using Answer = ApiResult<Response>;

inline tl::unexpected<ApiError> refuse(int status, std::string text) {
  return tl::unexpected<ApiError>(ApiError{status, std::move(text), {}});
}
inline tl::unexpected<ApiError> refuse(ApiError error) {
  return tl::unexpected<ApiError>(std::move(error));
}

/// Compact JSON; bytes that are no UTF-8 become U+FFFD instead of an exception.
std::string dump(const openwhisk::Json& json);
Response json_response(int status, const openwhisk::Json& json);
Response text_response(int status, std::string text);

/// The decoded query of a target.
class Query {
 public:
  Query() = default;
  explicit Query(std::string_view encoded);

  [[nodiscard]] const std::string* find(std::string_view name) const;
  /// true/yes/on/1 and false/no/off/0; anything else is a 400.
  [[nodiscard]] ApiResult<bool> boolean(std::string_view name, bool absent) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// Decodes %XX (and `+` as a blank in queries); nothing if an escape is malformed.
enum class PlusSign { literal, blank };
std::optional<std::string> percent_decode(std::string_view text, PlusSign plus);

/// One request on its way through the API: routed, with its caller and transaction.
struct Call {
  Request request;
  Query query;
  std::vector<std::string> parameters;  ///< decoded path segments at the pattern's stars
  openwhisk::TransactionId transaction;
  openwhisk::Identity user;  ///< empty on routes open to all
};

/// 400 with the text that every JSON or schema error starts with (rest contract 2.20).
ApiError malformed_content(std::string_view detail);
ApiError malformed_query(std::string_view name, std::string_view detail);
ApiError resource_missing();
/// Turns an error of a store or the bus into a status and OpenWhisk's text for it.
ApiError from_error(const Error& error);

/// The body as JSON: refuses other content types (415), syntax errors and absurd nesting (400). An empty body is `{}`.
ApiResult<openwhisk::Json> json_body(const Request& request);

}  // namespace instainfer::controller
