#pragma once

#include <filesystem>
#include <memory>

#include "instainfer/store/stores.hpp"

namespace instainfer::store {

/// All three stores in one SQLite file (WAL). Statements run on a thread of its own, one at a time, so that a slow disk never
/// holds up the caller's event loop. Opening checks the schema version and refuses a newer one.
class SqliteStore final : public EntityStore, public ActivationStore, public ProfileStore {
 public:
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& file);
  /// Finishes what was accepted, then closes.
  ~SqliteStore() override;

  Task<Result<openwhisk::Action>> get_action(openwhisk::EntityName name) override;
  Task<Result<openwhisk::Action>> get_action_without_code(openwhisk::EntityName name) override;
  Task<Result<std::string>> put_action(openwhisk::Action action) override;
  Task<Result<void>> delete_action(openwhisk::EntityName name, std::string revision) override;
  Task<Result<std::vector<openwhisk::Action>>> list_actions(std::string ns, std::optional<std::string> package, Page page) override;
  Task<Result<std::int64_t>> count_actions(std::string ns, std::optional<std::string> package) override;
  Task<Result<std::vector<openwhisk::Action>>> all_actions() override;

  Task<Result<void>> put(openwhisk::Activation activation) override;
  Task<Result<openwhisk::Activation>> get(std::string ns, std::string activation_id) override;
  Task<Result<std::vector<openwhisk::Activation>>> list(ActivationQuery query) override;
  Task<Result<std::int64_t>> count(ActivationQuery query) override;

  Task<Result<void>> put_all(std::map<ProfileKey, StoredProfile> profiles) override;
  Task<Result<std::map<ProfileKey, StoredProfile>>> get_all() override;

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace instainfer::store
