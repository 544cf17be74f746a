#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/result.hpp"
#include "instainfer/base/time.hpp"

namespace instainfer::openwhisk {

using Json = nlohmann::json;

/// namespace[/package] and name of an entity; text form `ns[/pkg]/name` without leading slash (entity/FullyQualifiedEntityName).
struct EntityName {
  std::string ns;
  std::string package;  ///< empty: the default package
  std::string name;

  [[nodiscard]] std::string path() const;       ///< `ns` or `ns/pkg`
  [[nodiscard]] std::string qualified() const;  ///< `ns[/pkg]/name`: document id and key everywhere
  auto operator<=>(const EntityName&) const = default;
};

/// OpenWhisk's grammar of a path segment or entity name (entity/EntityPath.scala): 1 to 256 of [A-Za-z0-9_@ .&-], first one a
/// word character, no trailing blank.
bool is_valid_entity_name(std::string_view name);

/// MAJOR.MINOR.PATCH; the first is 0.0.1, every update adds one to PATCH.
struct SemVer {
  int major = 0, minor = 0, patch = 1;
  [[nodiscard]] SemVer next_patch() const { return {major, minor, patch + 1}; }
  auto operator<=>(const SemVer&) const = default;
};
std::string to_string(const SemVer& version);
Result<SemVer> parse_semver(std::string_view text);

/// One bound parameter or annotation.
struct KeyValue {
  std::string key;
  Json value;
  bool init = false;                      ///< goes to initialisation only
  std::optional<std::string> encryption;  ///< cipher name if locked
  bool operator==(const KeyValue&) const = default;
};
using KeyValues = std::vector<KeyValue>;
const Json* find_value(const KeyValues& values, std::string_view key);
/// OpenWhisk's truth of a JSON value (contract 4.4, API key rule).
bool is_truthy(const Json& value);

/// Limits of an action; defaults are OpenWhisk's. "MB" is MiB.
struct ActionLimits {
  std::chrono::milliseconds timeout{60000};
  Bytes memory{256LL << 20};
  Bytes logs{10LL << 20};
  int concurrency = 1;
  bool operator==(const ActionLimits&) const = default;
};

/// What is executed. `code` is the text, or base64 when `binary`; absent for images without code and sequences.
struct Exec {
  std::string kind;                       ///< resolved, e.g. "python:3"; "blackbox"; "sequence"
  std::optional<std::string> code;
  bool binary = false;                    ///< computed from the code (encoding.hpp, looks_like_base64)
  std::optional<std::string> main;
  std::optional<std::string> image;       ///< blackbox only
  std::vector<std::string> components;    ///< sequence only: "/ns/a"
  std::string code_sha256;                ///< of the code, where a list leaves the code itself out; else empty
  bool operator==(const Exec&) const = default;
};

/// An action document.
struct Action {
  EntityName name;
  Exec exec;
  KeyValues parameters;
  KeyValues annotations;
  ActionLimits limits;
  SemVer version;
  bool publish = false;
  EpochMillis updated{};
  std::string revision;  ///< the store's; empty before it is stored
};

/// SHA-256 over what is executed (contract 3.4): kind, code, main, binary, image, parameters, limits, annotations. Two actions
/// with the same hash may share a warm container of the same invoking namespace; a profile starts anew when it changes.
std::string execution_hash(const Action& action);

Json to_json(const ActionLimits& limits);
/// `base` with every member that is present replaced; each must be a whole number (rest contract 2.5: limits merge per field).
Result<ActionLimits> action_limits_from_json(const Json& json, const ActionLimits& base = {});
Json to_json(const KeyValues& values);
/// The entity as the REST API shows it; the code only if asked for.
enum class WithCode { no, yes };
Json to_json(const Action& action, WithCode code);
/// The element of a list of actions (rest contract 2.4): no parameters, of exec only `binary`.
Json to_summary_json(const Action& action);
/// The form that stores keep, and back. `action_from_document` names the member that is wrong.
Json to_document(const Action& action);
Result<Action> action_from_document(const Json& document);
Result<KeyValues> key_values_from_json(const Json& json, std::string_view what);

/// The caller (common:core/entity/Identity.scala).
struct UserLimits {
  std::optional<int> invocations_per_minute;
  std::optional<int> concurrent_invocations;
  std::optional<int> fires_per_minute;
  std::optional<bool> store_activations;
  bool operator==(const UserLimits&) const = default;
};
struct Identity {
  std::string subject;
  std::string ns;
  std::string ns_uuid;
  std::string auth_uuid;
  std::string auth_key;
  UserLimits limits;
  bool operator==(const Identity&) const = default;
};

}  // namespace instainfer::openwhisk
