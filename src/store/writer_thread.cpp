#include "writer_thread.hpp"

#include <utility>

namespace instainfer::store {
namespace {

constexpr std::size_t kMostWaiting = 65536;
/// Bounds how long the first of a group waits for the last.
constexpr std::size_t kMostPerTransaction = 256;

}  // namespace

WriterThread::WriterThread(Database database) : database_(std::move(database)), thread_([this] { loop(); }) {
}

WriterThread::~WriterThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void WriterThread::submit(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < kMostWaiting) waiting_.push_back(std::move(job));
  }
  if (job) {
    job->finish(Error{ErrorCode::unavailable, "the store is " + std::to_string(kMostWaiting) + " requests behind"});
    return;
  }
  wake_.notify_one();
}

void WriterThread::loop() {
  while (true) {
    Jobs jobs;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      jobs = std::exchange(waiting_, {});
    }
    run_all(std::move(jobs));
  }
}

void WriterThread::run_all(Jobs jobs) {
  while (!jobs.empty()) {
    Jobs writes;
    while (!jobs.empty() && jobs.front()->writes() && writes.size() < kMostPerTransaction) {
      writes.push_back(std::move(jobs.front()));
      jobs.pop_front();
    }
    if (!writes.empty()) {
      run_writes(std::move(writes));
      continue;
    }
    (void)jobs.front()->run(database_);  // its result goes to whoever waits
    jobs.front()->finish(std::nullopt);
    jobs.pop_front();
  }
}

void WriterThread::run_writes(Jobs writes) {
  auto committed = run_in_one_transaction(writes);
  if (committed) {
    for (const auto& job : writes) job->finish(std::nullopt);
    return;
  }
  if (writes.size() == 1) {
    writes.front()->finish(std::move(committed.error()));
    return;
  }
  for (auto& job : writes) {
    Jobs alone;
    alone.push_back(std::move(job));
    run_writes(std::move(alone));
  }
}

/// On an error nothing of the group is in the database.
Result<void> WriterThread::run_in_one_transaction(const Jobs& writes) {
  if (auto begun = database_.execute("BEGIN IMMEDIATE"); !begun) return begun;
  Result<void> outcome;
  for (const auto& job : writes) {
    outcome = database_.execute("SAVEPOINT job");
    if (!outcome) break;
    const auto done = job->run(database_);
    if (!database_.in_transaction()) {  // SQLite gave up the whole transaction: disk full, I/O error, out of memory
      outcome = fail(done ? Error{ErrorCode::internal, "the transaction was rolled back"} : done.error());
      break;
    }
    outcome = database_.execute(done ? "RELEASE job" : "ROLLBACK TO job; RELEASE job");
    if (!outcome) break;
  }
  if (outcome) outcome = database_.execute("COMMIT");
  if (!outcome && database_.in_transaction()) (void)database_.execute("ROLLBACK");
  return outcome;
}

}  // namespace instainfer::store
