#pragma once

#include <string>
#include <vector>

#include "http_types.hpp"
#include "instainfer/openwhisk/entities.hpp"

namespace instainfer::controller {

/// Knows the users and checks what a request may touch (rest contract 2.2).
class Authenticator {
 public:
  explicit Authenticator(std::vector<openwhisk::Identity> users);

  /// Who sends the request, by HTTP Basic credentials `uuid:key`; 401 otherwise.
  [[nodiscard]] ApiResult<openwhisk::Identity> identify(const Request& request) const;

 private:
  std::vector<openwhisk::Identity> users_;
};

/// The namespace that a path segment names: `_` is the caller's own. 400 for an invalid name; 403 for a foreign one,
/// naming `resource` below it ("other/hello", or "other" alone if empty).
ApiResult<std::string> resolve_namespace(const openwhisk::Identity& user, const std::string& segment,
                                         const std::string& resource);

/// The same for an entity `segment`/[package/]name.
ApiResult<openwhisk::EntityName> resolve_entity(const openwhisk::Identity& user, const std::string& segment,
                                                const std::string& package, const std::string& name);

}  // namespace instainfer::controller
