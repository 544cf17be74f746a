#pragma once

#include <memory>

#include "instainfer/base/task.hpp"
#include "instainfer/base/time.hpp"
#include "instainfer/base/unique_fd.hpp"
#include "instainfer/container/container.hpp"

namespace boost::asio {
class any_io_executor;
}

namespace instainfer::container {

/// Reads what a container prints on its two pipes, all the time, and gives it out per activation (contract 4.9).
///
/// Reads at most 64 KiB at a time, so a function that prints a gigabyte blocks nobody, and holds at most `capacity` per
/// stream. One executor, not thread-safe. Reading starts with the construction and ends with stop(), the destructor, or
/// both pipes.
class LogReader {
 public:
  static constexpr Bytes kCapacity{16LL << 20};  ///< above the largest log limit of an action (10 MiB)

  LogReader(const boost::asio::any_io_executor& executor, UniqueFd output, UniqueFd errors, Bytes capacity = kCapacity);
  ~LogReader();

  /// Container::collect_logs. One collection at a time.
  Task<CollectedLogs> collect(Bytes limit, bool wait_for_sentinels);
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the pending read handlers
};

/// The texts that stand in a record for what is missing.
std::string truncated_text(Bytes limit);
inline constexpr std::string_view kIssueText = "There was an issue while collecting your logs. Data might be missing.";

}  // namespace instainfer::container
