#include "router.hpp"

#include <optional>

namespace instainfer::controller {
namespace {

/// "/a/b/" -> {"a", "b", ""}: the empty last segment stands for the trailing slash. Nothing if an escape is malformed.
std::optional<std::vector<std::string>> split(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.starts_with('/')) return std::nullopt;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view encoded = path.substr(0, path.find('/'));
    auto segment = percent_decode(encoded, PlusSign::literal);
    if (!segment) return std::nullopt;
    segments.push_back(std::move(*segment));
    path.remove_prefix(encoded.size());
  }
  return segments;
}

std::optional<std::vector<std::string>> match(const std::vector<std::string>& pattern,
                                              const std::vector<std::string>& segments) {
  if (pattern.size() != segments.size()) return std::nullopt;
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == "*" && !segments[i].empty()) {
      parameters.push_back(segments[i]);
    } else if (pattern[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Access access, Handler handler) {
  routes_.push_back({std::string(method), split(pattern).value(), access, std::move(handler)});
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match result;
  const auto segments = split(path);
  if (!segments) return result;
  for (const Route& route : routes_) {
    auto parameters = match(route.pattern, *segments);
    if (!parameters) continue;
    if (route.method == method) {
      result.route = &route;
      result.parameters = std::move(*parameters);
      return result;
    }
    if (!result.allowed.empty()) result.allowed += ", ";
    result.allowed += route.method;
  }
  return result;
}

}  // namespace instainfer::controller
