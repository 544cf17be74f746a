#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "instainfer/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace instainfer::store {

/// One use of a prepared statement: bind its parameters in order, then step through its rows. Resets the statement at
/// scope end, so that the next use of the same text reuses it. Bound texts must outlive the statement.
class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  Statement(Statement&& other) noexcept;
  ~Statement();

  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t number);

  /// True: a row can be read. False: done.
  Result<bool> step();
  /// For statements without rows; answers the number of rows changed.
  Result<std::int64_t> run();

  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::optional<std::string> optional_text(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

/// One SQLite connection with its prepared statements. Used by one thread at a time.
class Database {
 public:
  /// Opens or creates the file, for this process alone, in WAL mode. An error says whether another process has it open
  /// or whether it is no database.
  static Result<Database> open(const std::filesystem::path& file);

  /// Every use of the same text shares one prepared statement, so two uses must not overlap.
  Result<Statement> prepare(std::string_view sql);
  /// Runs statements that answer no rows.
  Result<void> execute(const std::string& sql);
  /// False once a transaction was rolled back by SQLite itself (disk full, I/O error).
  [[nodiscard]] bool in_transaction() const;

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Closer> handle_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalizer>, std::less<>>
      statements_;  // destroyed before the handle
};

}  // namespace instainfer::store
