#include "http_types.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace instainfer::controller {
namespace {

/// nlohmann::json writes recursively; nobody's parameters are nested this deep, and an attacker's must not exhaust the
/// stack.
constexpr int kMaxNesting = 500;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int nesting(std::string_view json) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

std::string media_type(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type;
}

}  // namespace

std::string dump(const openwhisk::Json& json) {
  return json.dump(-1, ' ', false, openwhisk::Json::error_handler_t::replace);
}

Response json_response(int status, const openwhisk::Json& json) {
  Response response;
  response.status = status;
  response.body = dump(json);
  return response;
}

Response text_response(int status, std::string text) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=UTF-8";
  response.body = std::move(text);
  return response;
}

std::optional<std::string> percent_decode(std::string_view text, PlusSign plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == PlusSign::blank) {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return decoded;
}

Query::Query(std::string_view encoded) {
  while (!encoded.empty()) {
    const std::string_view pair = encoded.substr(0, encoded.find('&'));
    encoded.remove_prefix(std::min(encoded.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    const auto name = percent_decode(pair.substr(0, equals), PlusSign::blank);
    const auto value = percent_decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1),
                                      PlusSign::blank);
    if (name && value && !name->empty()) values_.emplace_back(*name, *value);
  }
}

const std::string* Query::find(std::string_view name) const {
  const auto found = std::find_if(values_.begin(), values_.end(), [&](const auto& pair) { return pair.first == name; });
  return found == values_.end() ? nullptr : &found->second;
}

ApiResult<bool> Query::boolean(std::string_view name, bool absent) const {
  const std::string* value = find(name);
  if (value == nullptr) return absent;
  constexpr std::array yes{"true", "yes", "on", "1"};
  constexpr std::array no{"false", "no", "off", "0"};
  const auto is_value = [&](const char* word) { return http::equal_ignoring_case(*value, word); };
  if (std::any_of(yes.begin(), yes.end(), is_value)) return true;
  if (std::any_of(no.begin(), no.end(), is_value)) return false;
  return refuse(malformed_query(name, "'" + *value + "' is not a valid Boolean value"));
}

ApiError malformed_content(std::string_view detail) {
  return {400, "The request content was malformed:\n" + std::string(detail), {}};
}

ApiError malformed_query(std::string_view name, std::string_view detail) {
  return {400, "The query parameter '" + std::string(name) + "' was malformed:\n" + std::string(detail), {}};
}

ApiError resource_missing() {
  return {404, "The requested resource does not exist.", {}};
}

ApiError from_error(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found:
      return resource_missing();
    case ErrorCode::already_exists:
      return {409, "resource already exists", {}};
    case ErrorCode::conflict:
      return {409, "Concurrent modification to resource detected.", {}};
    case ErrorCode::unavailable:
      return {503, "The server is currently unavailable (because it is overloaded or down for maintenance).",
              error.message};
    default:
      return {500, "There was an internal server error.", error.message};
  }
}

ApiResult<openwhisk::Json> json_body(const Request& request) {
  if (request.body.find_first_not_of(" \t\r\n") == std::string::npos) return openwhisk::Json::object();
  const std::string* content_type = request.find_header("Content-Type");
  if (content_type != nullptr && !http::equal_ignoring_case(media_type(*content_type), "application/json")) {
    return refuse(415,
                  "The request's Content-Type [" + *content_type + "] is not supported. Expected:\napplication/json");
  }
  if (nesting(request.body) > kMaxNesting) {
    return refuse(malformed_content("JSON nested deeper than " + std::to_string(kMaxNesting) + " levels"));
  }
  try {
    return openwhisk::Json::parse(request.body);
  } catch (const openwhisk::Json::exception& error) {
    return refuse(malformed_content(error.what()));
  }
}

}  // namespace instainfer::controller
