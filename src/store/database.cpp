#include "database.hpp"

#include <sqlite3.h>

#include <utility>

namespace instainfer::store {
namespace {

Error sqlite_error(sqlite3* database) {
  const int code = sqlite3_errcode(database);
  const std::string what = sqlite3_errmsg(database);
  switch (code & 0xFF) {  // the low byte is the primary code
    case SQLITE_FULL:
      return {ErrorCode::unavailable, "no room left to store it (" + what + "); free some space and try again"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::unavailable,
              "the database is open in another process (" + what + "); each needs a file of its own"};
    case SQLITE_CONSTRAINT:
      return {ErrorCode::already_exists, what};
    case SQLITE_NOTADB:
      return {ErrorCode::invalid_argument, "the file is no SQLite database"};
    case SQLITE_CANTOPEN:
      return {ErrorCode::internal, "cannot open the file (" + what + "); does its folder exist, writable?"};
    default:
      return {ErrorCode::internal, "SQLite error " + std::to_string(code) + ": " + what};
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)), bound_(other.bound_) {
}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

// A failed bind (out of memory, text over 1 GB) leaves NULL behind, which the schema's NOT NULL refuses in step().
Statement& Statement::bind(std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  sqlite3_bind_int64(statement_, ++bound_, number);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(sqlite_error(database_));
}

Result<std::int64_t> Statement::run() {
  const auto row = step();
  if (!row) return fail(row.error());
  return sqlite3_changes64(database_);
}

std::string Statement::text(int column) const {
  return optional_text(column).value_or("");
}

std::optional<std::string> Statement::optional_text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return std::nullopt;
  return std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

void Database::Closer::operator()(sqlite3* database) const {
  sqlite3_close(database);
}

void Database::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Result<Database> Database::open(const std::filesystem::path& file) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  Database database(handle);
  if (code != SQLITE_OK) return fail(sqlite_error(handle).in(file.string()));
  sqlite3_busy_timeout(handle, 2000);  // a predecessor that was just killed may still be going away
  // One owner at a time: the first transaction takes the lock and keeps it; the kernel frees it when the process dies.
  // synchronous=NORMAL: a commit is in the WAL, in the kernel's hands: it survives the death of the process, and a
  // power cut loses at most the last commits, never the database.
  const auto opened = database.execute(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
      "BEGIN EXCLUSIVE; COMMIT;");
  if (!opened) return fail(opened.error().in(file.string()));
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  auto known = statements_.find(sql);
  if (known == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return fail(sqlite_error(handle_.get()));
    known = statements_.emplace(std::string(sql), statement).first;
  }
  return Statement(handle_.get(), known->second.get());
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return fail(sqlite_error(handle_.get()));
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

}  // namespace instainfer::store
