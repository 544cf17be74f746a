#include "documents.hpp"
#include "tables.hpp"

namespace instainfer::store {
namespace {

using core::ProfileSnapshot;
using openwhisk::Json;

Json to_json(const ProfileSnapshot& profile) {
  std::vector<Duration::rep> ages;
  ages.reserve(profile.arrival_ages.size());
  for (const Duration age : profile.arrival_ages) ages.push_back(age.count());
  return {{"loads", profile.loads},
          {"load_time_ns", profile.load_time.count()},
          {"loaded_bytes", profile.loaded_bytes.count},
          {"peak_bytes", profile.peak_bytes.count},
          {"execution_mean_ns", profile.execution_mean.count()},
          {"arrivals", profile.arrivals},
          {"observed_for_ns", profile.observed_for.count()},
          {"arrival_ages_ns", std::move(ages)}};
}

Result<ProfileSnapshot> profile_from_json(const Json& json) {
  try {
    ProfileSnapshot profile;
    profile.loads = json.at("loads").get<std::uint32_t>();
    profile.load_time = Duration(json.at("load_time_ns").get<Duration::rep>());
    profile.loaded_bytes = {json.at("loaded_bytes").get<std::int64_t>()};
    profile.peak_bytes = {json.at("peak_bytes").get<std::int64_t>()};
    profile.execution_mean = Duration(json.at("execution_mean_ns").get<Duration::rep>());
    profile.arrivals = json.at("arrivals").get<std::uint64_t>();
    profile.observed_for = Duration(json.at("observed_for_ns").get<Duration::rep>());
    for (const Json& age : json.at("arrival_ages_ns")) profile.arrival_ages.emplace_back(age.get<Duration::rep>());
    return profile;
  } catch (const Json::exception& error) {
    return fail(ErrorCode::internal, error.what());
  }
}

}  // namespace

Result<void> write_profiles(Database& database, const std::map<ProfileKey, StoredProfile>& profiles) {
  for (const auto& [key, stored] : profiles) {
    auto statement = database.prepare(
        "INSERT INTO profiles (ns, action, execution_hash, saved_at, profile) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (ns, action) DO UPDATE SET execution_hash = excluded.execution_hash, "
        "saved_at = excluded.saved_at, profile = excluded.profile");
    if (!statement) return fail(statement.error());
    const std::string text = dump(to_json(stored.profile));
    statement->bind(key.ns).bind(key.action).bind(stored.execution_hash);
    const auto done = statement->bind(stored.saved_at.time_since_epoch().count()).bind(text).run();
    if (!done) return fail(done.error().in("profile of '" + key.action + "'"));
  }
  return {};
}

Result<std::map<ProfileKey, StoredProfile>> read_profiles(Database& database) {
  auto statement = database.prepare("SELECT ns, action, execution_hash, saved_at, profile FROM profiles");
  if (!statement) return fail(statement.error());
  std::map<ProfileKey, StoredProfile> profiles;
  while (true) {
    const auto row = statement->step();
    if (!row) return fail(row.error());
    if (!*row) return profiles;
    auto profile = parse_document(statement->text(4), &profile_from_json);
    if (!profile) return fail(profile.error().in("profile of '" + statement->text(1) + "'"));
    profiles[{statement->text(0), statement->text(1)}] = {
        statement->text(2), EpochMillis(std::chrono::milliseconds(statement->integer(3))), *std::move(profile)};
  }
}

}  // namespace instainfer::store
