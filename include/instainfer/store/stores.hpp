#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/core/types.hpp"
#include "instainfer/openwhisk/activation.hpp"
#include "instainfer/openwhisk/entities.hpp"

namespace instainfer::store {

/// A page of a list: newest first.
struct Page {
  int skip = 0;
  int limit = 30;
};

/// Keeps actions (later: packages, triggers, rules). Implementations: sqlite; couchdb in a later step.
/// Awaited on the caller's executor; safe to use from one strand.
class EntityStore {
 public:
  virtual ~EntityStore() = default;
  /// not_found, or the action with its revision.
  virtual Task<Result<openwhisk::Action>> get_action(openwhisk::EntityName name) = 0;
  /// The same without code, which may be 48 MiB: for whoever only needs parameters, limits and the revision.
  virtual Task<Result<openwhisk::Action>> get_action_without_code(openwhisk::EntityName name) = 0;
  /// Creates (empty revision: already_exists if there is one) or replaces (conflict if the revision is not the stored one).
  /// Answers the new revision.
  virtual Task<Result<std::string>> put_action(openwhisk::Action action) = 0;
  virtual Task<Result<void>> delete_action(openwhisk::EntityName name, std::string revision) = 0;
  /// By `updated` descending; of one package if given, else all of the namespace. Code is left out.
  virtual Task<Result<std::vector<openwhisk::Action>>> list_actions(std::string ns, std::optional<std::string> package, Page page) = 0;
  virtual Task<Result<std::int64_t>> count_actions(std::string ns, std::optional<std::string> package) = 0;
  /// Every action of every namespace, without code: what may be planned for at start-up.
  virtual Task<Result<std::vector<openwhisk::Action>>> all_actions() = 0;
};

struct ActivationQuery {
  std::string ns;
  std::optional<std::string> name;  ///< `a` (default package only) or `pkg/a`
  std::optional<EpochMillis> since;
  std::optional<EpochMillis> upto;
  Page page;
};

class ActivationStore {
 public:
  virtual ~ActivationStore() = default;
  /// Durable when it returns (SQLite: WAL, committed). Retries are the store's business; an error is final.
  virtual Task<Result<void>> put(openwhisk::Activation activation) = 0;
  virtual Task<Result<openwhisk::Activation>> get(std::string ns, std::string activation_id) = 0;
  virtual Task<Result<std::vector<openwhisk::Activation>>> list(ActivationQuery query) = 0;
  virtual Task<Result<std::int64_t>> count(ActivationQuery query) = 0;
};

/// Key of a profile (design.md, 4): what was learnt belongs to (invoking namespace, action) and starts anew with new code.
struct ProfileKey {
  std::string ns;
  std::string action;  ///< qualified name
  auto operator<=>(const ProfileKey&) const = default;
};
struct StoredProfile {
  std::string execution_hash;
  EpochMillis saved_at{};
  core::ProfileSnapshot profile;
};
class ProfileStore {
 public:
  virtual ~ProfileStore() = default;
  /// Replaces those given, keeps the others.
  virtual Task<Result<void>> put_all(std::map<ProfileKey, StoredProfile> profiles) = 0;
  virtual Task<Result<std::map<ProfileKey, StoredProfile>>> get_all() = 0;
};

}  // namespace instainfer::store
