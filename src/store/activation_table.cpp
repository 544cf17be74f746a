#include <algorithm>

#include "documents.hpp"
#include "tables.hpp"

namespace instainfer::store {
namespace {

using openwhisk::Activation;

/// How a list finds the record: `a` or `package/a`, of the action's path without its namespace (rest contract 2.13).
std::string list_name(const Activation& activation) {
  const openwhisk::Json* path = openwhisk::find_value(activation.annotations, "path");
  if (path == nullptr || !path->is_string()) return activation.name;
  const auto text = path->get<std::string>();
  const auto slash = text.find('/');
  return slash == std::string::npos ? activation.name : text.substr(slash + 1);
}

/// `ns` and, as far as given, name, since and upto. Bound by bind_filter.
std::string filter(const ActivationQuery& query) {
  std::string where = " FROM activations WHERE ns = ?";
  if (query.name) where += " AND name = ?";
  if (query.since) where += " AND start >= ?";
  if (query.upto) where += " AND start <= ?";
  return where;
}

void bind_filter(Statement& statement, const ActivationQuery& query) {
  statement.bind(query.ns);
  if (query.name) statement.bind(*query.name);
  if (query.since) statement.bind(query.since->time_since_epoch().count());
  if (query.upto) statement.bind(query.upto->time_since_epoch().count());
}

}  // namespace

Result<void> write_activation(Database& database, const Activation& activation) {
  auto statement =
      database.prepare("INSERT INTO activations (ns, activation_id, name, start, document) VALUES (?, ?, ?, ?, ?)");
  if (!statement) return fail(statement.error());
  const std::string name = list_name(activation);
  const std::string document = dump(openwhisk::to_document(activation));
  statement->bind(activation.ns).bind(activation.activation_id).bind(name);
  const auto done = statement->bind(activation.start.time_since_epoch().count()).bind(document).run();
  if (!done) return fail(done.error().in("record of activation " + activation.activation_id));
  return {};
}

Result<Activation> read_activation(Database& database, const std::string& ns, const std::string& id) {
  auto statement = database.prepare("SELECT document FROM activations WHERE ns = ? AND activation_id = ?");
  if (!statement) return fail(statement.error());
  const auto row = statement->bind(ns).bind(id).step();
  if (!row) return fail(row.error());
  if (!*row) return fail(ErrorCode::not_found, "namespace '" + ns + "' has no record of activation " + id);
  return parse_document(statement->text(0), &openwhisk::activation_from_document);
}

Result<std::vector<Activation>> read_activations(Database& database, const ActivationQuery& query) {
  auto statement =
      database.prepare("SELECT document" + filter(query) + " ORDER BY start DESC, sequence DESC LIMIT ? OFFSET ?");
  if (!statement) return fail(statement.error());
  bind_filter(*statement, query);
  statement->bind(std::int64_t{std::max(query.page.limit, 0)}).bind(std::int64_t{std::max(query.page.skip, 0)});
  std::vector<Activation> activations;
  while (true) {
    const auto row = statement->step();
    if (!row) return fail(row.error());
    if (!*row) return activations;
    auto activation = parse_document(statement->text(0), &openwhisk::activation_from_document);
    if (!activation) return fail(std::move(activation.error()));
    activations.push_back(*std::move(activation));
  }
}

Result<std::int64_t> count_activations(Database& database, const ActivationQuery& query) {
  auto statement = database.prepare("SELECT count(*)" + filter(query));
  if (!statement) return fail(statement.error());
  bind_filter(*statement, query);
  const auto row = statement->step();
  if (!row) return fail(row.error());
  return statement->integer(0);
}

}  // namespace instainfer::store
