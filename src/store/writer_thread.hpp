#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "database.hpp"

namespace instainfer::store {

/// One piece of work for the store's thread.
class Job {
 public:
  virtual ~Job() = default;
  /// Whether it changes the database; such jobs run inside a transaction and may be run again after a rollback.
  [[nodiscard]] virtual bool writes() const = 0;
  /// Does the work and keeps its result; answers whether it succeeded, and if not, why.
  virtual Result<void> run(Database& database) = 0;
  /// Hands the result (or `instead`) to whoever waits. Called once, last.
  virtual void finish(std::optional<Error> instead) = 0;
};

/// Owns the connection and the only thread that uses it. Jobs run in the order of submission.
///
/// Group commit: writes that wait at the same time share one transaction, each in a savepoint of its own, so that one
/// that is refused takes no other with it. If the transaction as a whole fails, each is tried once more by itself.
class WriterThread {
 public:
  explicit WriterThread(Database database);
  /// Runs what was accepted, then ends.
  ~WriterThread();
  WriterThread(const WriterThread&) = delete;
  WriterThread& operator=(const WriterThread&) = delete;

  /// Finishes the job at once with `unavailable` if too many wait already (a disk that hangs).
  void submit(std::unique_ptr<Job> job);

 private:
  using Jobs = std::deque<std::unique_ptr<Job>>;
  void loop();
  void run_all(Jobs jobs);
  void run_writes(Jobs writes);
  Result<void> run_in_one_transaction(const Jobs& writes);

  Database database_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Jobs waiting_;
  bool stopping_ = false;
  std::thread thread_;  // last: uses all the others
};

}  // namespace instainfer::store
