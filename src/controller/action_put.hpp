#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "http_types.hpp"
#include "instainfer/base/time.hpp"
#include "instainfer/openwhisk/limits.hpp"
#include "instainfer/openwhisk/manifest.hpp"

namespace instainfer::controller {

/// The body of a PUT of an action: absent members are "not given" (rest contract 1.3, 2.5).
struct ActionPut {
  struct Limits {
    std::optional<std::int64_t> timeout;  ///< ms
    std::optional<std::int64_t> memory;   ///< MB
    std::optional<std::int64_t> logs;     ///< MB
    std::optional<std::int64_t> concurrency;
  };
  std::optional<openwhisk::Exec> exec;
  std::optional<openwhisk::KeyValues> parameters;
  std::optional<openwhisk::KeyValues> annotations;
  std::vector<std::string> removed_annotations;
  Limits limits;
  std::optional<openwhisk::SemVer> version;
  std::optional<bool> publish;
};

/// Reads and checks the body: schema and kind (400), sizes (413), limits (400), in OpenWhisk's order.
ApiResult<ActionPut> parse_action_put(const openwhisk::Json& body, const openwhisk::RuntimesManifest& manifest,
                                      const openwhisk::SystemLimits& limits);

/// The action that a PUT creates; 400 without exec.
ApiResult<openwhisk::Action> created_action(openwhisk::EntityName name, ActionPut put, EpochMillis now);
/// The action that a PUT makes of an existing one.
openwhisk::Action updated_action(openwhisk::Action action, ActionPut put, EpochMillis now);

}  // namespace instainfer::controller
