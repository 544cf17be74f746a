#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "database.hpp"
#include "instainfer/store/stores.hpp"

/// What the store does, as plain functions on one connection. Those that write run inside the caller's transaction and
/// may be run again after it was rolled back.
namespace instainfer::store {

/// Creates the tables in an empty file; refuses a file of a newer version or of another program.
Result<void> prepare_schema(Database& database);

Result<openwhisk::Action> read_action(Database& database, const openwhisk::EntityName& name);
Result<openwhisk::Action> read_action_without_code(Database& database, const openwhisk::EntityName& name);
Result<std::string> write_action(Database& database, const openwhisk::Action& action);
Result<void> erase_action(Database& database, const openwhisk::EntityName& name, const std::string& revision);
Result<std::vector<openwhisk::Action>> read_actions(Database& database, const std::string& ns,
                                                    const std::optional<std::string>& package, Page page);
Result<std::int64_t> count_actions(Database& database, const std::string& ns,
                                   const std::optional<std::string>& package);
Result<std::vector<openwhisk::Action>> read_all_actions(Database& database);

Result<void> write_activation(Database& database, const openwhisk::Activation& activation);
Result<openwhisk::Activation> read_activation(Database& database, const std::string& ns, const std::string& id);
Result<std::vector<openwhisk::Activation>> read_activations(Database& database, const ActivationQuery& query);
Result<std::int64_t> count_activations(Database& database, const ActivationQuery& query);

Result<void> write_profiles(Database& database, const std::map<ProfileKey, StoredProfile>& profiles);
Result<std::map<ProfileKey, StoredProfile>> read_profiles(Database& database);

}  // namespace instainfer::store
