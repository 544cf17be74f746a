#include <algorithm>

#include "documents.hpp"
#include "instainfer/base/encoding.hpp"
#include "tables.hpp"

namespace instainfer::store {
namespace {

using openwhisk::Action;
using openwhisk::EntityName;
using openwhisk::Json;

constexpr std::string_view kListColumns = "SELECT document, revision, code_sha256, NULL FROM actions ";

Error does_not_exist(const EntityName& name) {
  return {ErrorCode::not_found, "action '" + name.qualified() + "' does not exist"};
}

/// Of a row (document, revision, code_sha256, code or NULL).
Result<Action> action_of_row(const Statement& row) {
  auto action = parse_document(row.text(0), &openwhisk::action_from_document);
  if (!action) return action;
  action->revision = row.text(1);
  if (auto code = row.optional_text(3))
    action->exec.code = *std::move(code);
  else
    action->exec.code_sha256 = row.text(2);
  return action;
}

Result<std::vector<Action>> actions_of(Statement& rows) {
  std::vector<Action> actions;
  while (true) {
    const auto row = rows.step();
    if (!row) return fail(row.error());
    if (!*row) return actions;
    auto action = action_of_row(rows);
    if (!action) return fail(std::move(action.error()));
    actions.push_back(*std::move(action));
  }
}

Result<std::optional<std::string>> stored_revision(Database& database, const std::string& id) {
  auto statement = database.prepare("SELECT revision FROM actions WHERE id = ?");
  if (!statement) return fail(statement.error());
  const auto row = statement->bind(id).step();
  if (!row) return fail(row.error());
  return *row ? statement->optional_text(0) : std::nullopt;
}

/// CouchDB's form, `<generation>-<32 hex digits>`, from what is stored.
std::string next_revision(const std::string& previous, const std::string& document, const std::string& code_sha256) {
  constexpr std::size_t digits = 32;
  std::uint64_t generation = 0;
  for (const char c : previous.substr(0, previous.find('-')))
    generation = generation * 10 + static_cast<unsigned>(c - '0');
  return std::to_string(generation + 1) + '-' + sha256_hex(previous + document + code_sha256).substr(0, digits);
}

Result<void> write_code(Database& database, const std::string& id, const std::optional<std::string>& code) {
  auto statement = database.prepare(code ? "INSERT INTO action_code (id, code) VALUES (?1, ?2) "
                                           "ON CONFLICT (id) DO UPDATE SET code = excluded.code"
                                         : "DELETE FROM action_code WHERE id = ?1");
  if (!statement) return fail(statement.error());
  statement->bind(id);
  if (code) statement->bind(*code);
  const auto done = statement->run();
  if (!done) return fail(done.error());
  return {};
}

Result<Action> read_one(Database& database, const EntityName& name, std::string_view sql) {
  auto statement = database.prepare(sql);
  if (!statement) return fail(statement.error());
  const std::string id = name.qualified();
  const auto row = statement->bind(id).step();
  if (!row) return fail(row.error());
  if (!*row) return fail(does_not_exist(name));
  return action_of_row(*statement);
}

}  // namespace

Result<Action> read_action(Database& database, const EntityName& name) {
  return read_one(database, name,
                  "SELECT document, revision, code_sha256, code FROM actions LEFT JOIN action_code USING (id) "
                  "WHERE id = ?");
}

Result<Action> read_action_without_code(Database& database, const EntityName& name) {
  return read_one(database, name, std::string(kListColumns) + "WHERE id = ?");
}

Result<std::string> write_action(Database& database, const Action& action) {
  const std::string id = action.name.qualified();
  const auto stored = stored_revision(database, id);
  if (!stored) return fail(stored.error());
  if (*stored && action.revision.empty()) {
    return fail(ErrorCode::already_exists, "action '" + id + "' exists already");
  }
  if (stored->value_or("") != action.revision) {
    return fail(ErrorCode::conflict, "action '" + id + "' is at revision '" + stored->value_or("none") + "', not at '" +
                                         action.revision + "'; read it again");
  }
  Json document = openwhisk::to_document(action);
  document.erase("_rev");
  document["exec"].erase("code");
  const std::string text = dump(document);
  const std::string code_sha256 = action.exec.code ? sha256_hex(*action.exec.code) : "";
  std::string revision = next_revision(action.revision, text, code_sha256);

  auto statement = database.prepare(
      "INSERT INTO actions (id, ns, package, updated, revision, code_sha256, document) VALUES (?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, revision = excluded.revision, "
      "code_sha256 = excluded.code_sha256, document = excluded.document");
  if (!statement) return fail(statement.error());
  statement->bind(id).bind(action.name.ns).bind(action.name.package);
  statement->bind(action.updated.time_since_epoch().count()).bind(revision).bind(code_sha256).bind(text);
  if (const auto done = statement->run(); !done) return fail(done.error());
  if (auto done = write_code(database, id, action.exec.code); !done) return fail(std::move(done.error()));
  return revision;
}

Result<void> erase_action(Database& database, const EntityName& name, const std::string& revision) {
  const std::string id = name.qualified();
  const auto stored = stored_revision(database, id);
  if (!stored) return fail(stored.error());
  if (!*stored) return fail(does_not_exist(name));
  if (**stored != revision) {
    return fail(ErrorCode::conflict,
                "action '" + id + "' is at revision '" + **stored + "', not at '" + revision + "'; read it again");
  }
  auto statement = database.prepare("DELETE FROM actions WHERE id = ?");
  if (!statement) return fail(statement.error());
  if (const auto done = statement->bind(id).run(); !done) return fail(done.error());
  return {};
}

Result<std::vector<Action>> read_actions(Database& database, const std::string& ns,
                                         const std::optional<std::string>& package, Page page) {
  auto statement =
      database.prepare(std::string(kListColumns) + (package ? "WHERE ns = ? AND package = ? " : "WHERE ns = ? ") +
                       "ORDER BY updated DESC, id LIMIT ? OFFSET ?");
  if (!statement) return fail(statement.error());
  statement->bind(ns);
  if (package) statement->bind(*package);
  statement->bind(std::int64_t{std::max(page.limit, 0)}).bind(std::int64_t{std::max(page.skip, 0)});
  return actions_of(*statement);
}

Result<std::int64_t> count_actions(Database& database, const std::string& ns,
                                   const std::optional<std::string>& package) {
  auto statement =
      database.prepare(std::string("SELECT count(*) FROM actions WHERE ns = ?") + (package ? " AND package = ?" : ""));
  if (!statement) return fail(statement.error());
  statement->bind(ns);
  if (package) statement->bind(*package);
  const auto row = statement->step();
  if (!row) return fail(row.error());
  return statement->integer(0);
}

Result<std::vector<Action>> read_all_actions(Database& database) {
  auto statement = database.prepare(std::string(kListColumns) + "ORDER BY id");
  if (!statement) return fail(statement.error());
  return actions_of(*statement);
}

}  // namespace instainfer::store
