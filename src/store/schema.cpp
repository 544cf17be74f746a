#include "tables.hpp"

namespace instainfer::store {
namespace {

constexpr std::int64_t kSchemaVersion = 1;
/// Marks the file as ours (PRAGMA application_id): "InIn".
constexpr std::int64_t kApplicationId = 0x496E496E;

/// Code stands apart: lists read every document of a namespace, and code is up to 48 MiB each.
constexpr const char* kTables = R"sql(
CREATE TABLE actions (
  id TEXT PRIMARY KEY,          -- ns[/package]/name
  ns TEXT NOT NULL,
  package TEXT NOT NULL,        -- '' is the default package
  updated INTEGER NOT NULL,     -- ms since the epoch
  revision TEXT NOT NULL,
  code_sha256 TEXT NOT NULL,
  document TEXT NOT NULL        -- JSON without exec.code
);
CREATE INDEX actions_by_ns ON actions (ns, updated DESC, id);
CREATE INDEX actions_by_package ON actions (ns, package, updated DESC, id);
CREATE TABLE action_code (
  id TEXT PRIMARY KEY REFERENCES actions (id) ON DELETE CASCADE,
  code TEXT NOT NULL
);
CREATE TABLE activations (
  sequence INTEGER PRIMARY KEY, -- order of arrival, decides among equal starts
  ns TEXT NOT NULL,
  activation_id TEXT NOT NULL,
  name TEXT NOT NULL,           -- `a` or `package/a`, from the path annotation
  start INTEGER NOT NULL,       -- ms since the epoch
  document TEXT NOT NULL,
  UNIQUE (ns, activation_id)
);
CREATE INDEX activations_by_ns ON activations (ns, start DESC, sequence DESC);
CREATE INDEX activations_by_name ON activations (ns, name, start DESC, sequence DESC);
CREATE TABLE profiles (
  ns TEXT NOT NULL,
  action TEXT NOT NULL,
  execution_hash TEXT NOT NULL,
  saved_at INTEGER NOT NULL,    -- ms since the epoch
  profile TEXT NOT NULL,
  PRIMARY KEY (ns, action)
);
)sql";

Result<std::int64_t> single_integer(Database& database, std::string_view sql) {
  auto statement = database.prepare(sql);
  if (!statement) return fail(statement.error());
  const auto row = statement->step();
  if (!row) return fail(row.error());
  return *row ? statement->integer(0) : 0;
}

}  // namespace

Result<void> prepare_schema(Database& database) {
  const auto version = single_integer(database, "PRAGMA user_version");
  if (!version) return fail(version.error());
  const auto application = single_integer(database, "PRAGMA application_id");
  if (!application) return fail(application.error());
  const auto tables = single_integer(database, "SELECT count(*) FROM sqlite_master");
  if (!tables) return fail(tables.error());

  const bool is_new = *tables == 0 && *version == 0;
  if (!is_new && *application != kApplicationId) {
    return fail(ErrorCode::invalid_argument, "the database belongs to another program; name another file");
  }
  if (*version == kSchemaVersion) return {};
  if (!is_new) {
    return fail(ErrorCode::not_supported, "the database has schema version " + std::to_string(*version) +
                                              ", this program knows up to " + std::to_string(kSchemaVersion) +
                                              "; use a newer program or another file");
  }
  auto created =
      database.execute("BEGIN; " + std::string(kTables) + "PRAGMA application_id=" + std::to_string(kApplicationId) +
                       "; PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT;");
  if (!created && database.in_transaction()) (void)database.execute("ROLLBACK");
  return created;
}

}  // namespace instainfer::store
