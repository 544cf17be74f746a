#include "auth.hpp"

#include <algorithm>

#include <openssl/crypto.h>

#include "instainfer/base/encoding.hpp"
#include "instainfer/controller/controller.hpp"

namespace instainfer::controller {
namespace {

constexpr std::size_t kMaxNameLength = 256;

/// Takes the same time wherever the difference is.
bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

ApiResult<void> check_name(const std::string& name, std::string_view too_long, std::string_view illegal) {
  if (name.size() > kMaxNameLength) {
    return refuse(400, std::string(too_long) + " longer than allowed: " + std::to_string(name.size()) + " > " +
                           std::to_string(kMaxNameLength) + ".");
  }
  if (!openwhisk::is_valid_entity_name(name)) return refuse(400, std::string(illegal));
  return {};
}

openwhisk::Identity development_user(std::string name, std::string uuid, std::string key) {
  openwhisk::Identity user;
  user.subject = name;
  user.ns = std::move(name);
  user.ns_uuid = uuid;
  user.auth_uuid = std::move(uuid);
  user.auth_key = std::move(key);
  return user;
}

}  // namespace

std::vector<openwhisk::Identity> default_users() {
  return {development_user("guest", "23bc46b1-71f6-4ed5-8c54-816aa4f8c502",
                           "123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"),
          development_user("whisk.system", "789c46b1-71f6-4ed5-8c54-816aa4f8c502",
                           "abczO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP")};
}

Authenticator::Authenticator(std::vector<openwhisk::Identity> users) : users_(std::move(users)) {
}

ApiResult<openwhisk::Identity> Authenticator::identify(const Request& request) const {
  const std::string* header = request.find_header("Authorization");
  if (header == nullptr) {
    return refuse(401, "The resource requires authentication, which was not supplied with the request");
  }
  const auto invalid = [] { return refuse(401, "The supplied authentication is invalid"); };
  constexpr std::string_view scheme = "basic ";
  if (!http::equal_ignoring_case(std::string_view(*header).substr(0, scheme.size()), scheme)) return invalid();
  const auto credentials = base64_decode(std::string_view(*header).substr(scheme.size()));
  if (!credentials) return invalid();
  const std::size_t colon = credentials->find(':');
  if (colon == std::string::npos) return invalid();
  const std::string_view uuid = std::string_view(*credentials).substr(0, colon);
  const std::string_view key = std::string_view(*credentials).substr(colon + 1);
  const auto user = std::find_if(users_.begin(), users_.end(), [&](const openwhisk::Identity& candidate) {
    return equal_secrets(candidate.auth_uuid, uuid) && equal_secrets(candidate.auth_key, key);
  });
  if (user == users_.end()) return invalid();
  return *user;
}

ApiResult<std::string> resolve_namespace(const openwhisk::Identity& user, const std::string& segment,
                                         const std::string& resource) {
  if (segment == "_") return user.ns;
  if (auto valid = check_name(segment, "Namespace", "The namespace contains illegal characters."); !valid) {
    return refuse(valid.error());
  }
  if (segment == user.ns) return segment;
  const std::string path = resource.empty() ? segment : segment + "/" + resource;
  return refuse(403, "The supplied authentication is not authorized to access '" + path + "'.");
}

ApiResult<openwhisk::EntityName> resolve_entity(const openwhisk::Identity& user, const std::string& segment,
                                                const std::string& package, const std::string& name) {
  constexpr std::string_view too_long = "Name segement";  // spelt like this in OpenWhisk
  constexpr std::string_view illegal = "The name of the entity contains illegal characters.";
  if (!package.empty()) {
    if (auto valid = check_name(package, too_long, illegal); !valid) return refuse(valid.error());
  }
  if (auto valid = check_name(name, too_long, illegal); !valid) return refuse(valid.error());
  auto ns = resolve_namespace(user, segment, package.empty() ? name : package + "/" + name);
  if (!ns) return refuse(ns.error());
  return openwhisk::EntityName{*ns, package, name};
}

}  // namespace instainfer::controller
