#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "csv.hpp"
#include "instainfer/base/result.hpp"
#include "instainfer/base/time.hpp"

namespace instainfer::replay {

/// A function of the trace and the action that stands for it.
struct TracedFunction {
  std::string action;     ///< name of the OpenWhisk action
  std::string model;      ///< for the records only
  std::string hash;       ///< the trace's name of the function
  std::string request;    ///< file with the request's parameters (JSON object); empty: {}
  std::string reference;  ///< file with the answer that is right; empty: answers are not compared
};

/// How often each function was called in each minute, by index into the functions.
struct MinuteCounts {
  std::vector<std::vector<long>> counts;  ///< [function][minute]; every row equally long
  std::size_t rows_skipped = 0;           ///< rows of functions that the functions file does not list
};

/// One call to be made: when, counted from the start of the trace at its own speed, and of which function.
struct ScheduledCall {
  Duration at{};
  std::size_t function = 0;

  bool operator==(const ScheduledCall&) const = default;
};

struct Schedule {
  std::vector<ScheduledCall> calls;  ///< in order of time
  Duration length{};                 ///< of the whole trace, which may end after the last call
};

/// Columns `function` (the action), and optionally `model`, `hash_function`, `request`, `reference`.
Result<std::vector<TracedFunction>> read_functions(const CsvTable& table);

/// Reads the Azure Functions layout, wide (`HashFunction`, maybe `HashOwner`, `HashApp`, `Trigger`, then one column per
/// minute named 1, 2, ...) or long (`function` and/or `hash_function`, `minute`, `invocations`).
Result<MinuteCounts> read_counts(const CsvTable& table, const std::vector<TracedFunction>& functions);

/// Keeps the lines that may be of one of the functions. Must not outlive them.
KeepLine lines_of(const std::vector<TracedFunction>& functions);

/// Places each minute's calls uniformly inside the minute. The same seed gives the same schedule on every machine.
Schedule make_schedule(const MinuteCounts& counts, std::uint64_t seed);

/// Reads an explicit schedule: columns `function` and `time` (or `offset_s`), in seconds from the start.
Result<Schedule> read_schedule(const CsvTable& table, const std::vector<TracedFunction>& functions);

}  // namespace instainfer::replay
