#include "trace.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace instainfer::replay {
namespace {

constexpr long kMostMinutes = 14 * 24 * 60;        // the Azure trace covers two weeks
constexpr long kMostCallsPerMinute = 100'000'000;  // beyond it a count is a mistake

using Index = std::map<std::string, std::size_t, std::less<>>;

/// Functions by the trace's name and by the action's name; a trace row may use either.
Index index_of(const std::vector<TracedFunction>& functions) {
  Index index;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    index.emplace(functions[i].action, i);
    if (!functions[i].hash.empty()) index.emplace(functions[i].hash, i);
  }
  return index;
}

Result<long> count_in(const CsvTable& table, std::size_t row, std::size_t column) {
  const auto count = parse_count(table.rows[row][column]);
  if (count && *count <= kMostCallsPerMinute) return *count;
  return fail(table.error_in_row(row, "\"" + table.rows[row][column] + "\" in column " + table.header[column] +
                                          " is not a number of calls (0 to " + std::to_string(kMostCallsPerMinute) +
                                          ")"));
}

Result<void> check_some_found(const CsvTable& table, const MinuteCounts& counts) {
  if (counts.rows_skipped < table.rows.size()) return {};
  return fail(ErrorCode::invalid_argument,
              table.name + " has no row of a function that the functions file lists; check its hash_function column");
}

Result<MinuteCounts> read_long(const CsvTable& table, const std::vector<TracedFunction>& functions) {
  const auto name = table.find_column("hash_function") ? table.column("hash_function") : table.column("function");
  const auto minute = table.column("minute");
  const auto invocations = table.column("invocations");
  if (!name) return fail(name.error());
  if (!minute) return fail(minute.error());
  if (!invocations) return fail(invocations.error());

  const auto index = index_of(functions);
  MinuteCounts result;
  result.counts.resize(functions.size());
  std::size_t minutes = 0;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto found = index.find(table.rows[row][*name]);
    if (found == index.end()) {
      ++result.rows_skipped;
      continue;
    }
    const auto number = parse_count(table.rows[row][*minute]);
    if (!number || *number < 1 || *number > kMostMinutes) {
      return fail(table.error_in_row(row, "minute \"" + table.rows[row][*minute] +
                                              "\" is not a whole number from 1 to " + std::to_string(kMostMinutes)));
    }
    const auto count = count_in(table, row, *invocations);
    if (!count) return fail(count.error());
    auto& counts = result.counts[found->second];
    minutes = std::max(minutes, static_cast<std::size_t>(*number));
    if (counts.size() < minutes) counts.resize(minutes);
    counts[static_cast<std::size_t>(*number) - 1] += *count;
  }
  for (auto& counts : result.counts) counts.resize(minutes);
  if (auto found = check_some_found(table, result); !found) return fail(found.error());
  return result;
}

Result<MinuteCounts> read_wide(const CsvTable& table, std::size_t name, const std::vector<TracedFunction>& functions) {
  std::vector<std::size_t> minutes;
  while (const auto column = table.find_column(std::to_string(minutes.size() + 1))) minutes.push_back(*column);
  if (minutes.empty()) {
    return fail(ErrorCode::invalid_argument,
                table.name + " has no column \"1\"; the wide layout has one column per minute");
  }
  const auto index = index_of(functions);
  MinuteCounts result;
  result.counts.assign(functions.size(), std::vector<long>(minutes.size()));
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto found = index.find(table.rows[row][name]);
    if (found == index.end()) {
      ++result.rows_skipped;
      continue;
    }
    for (std::size_t minute = 0; minute < minutes.size(); ++minute) {
      const auto count = count_in(table, row, minutes[minute]);
      if (!count) return fail(count.error());
      result.counts[found->second][minute] += *count;
    }
  }
  if (auto found = check_some_found(table, result); !found) return fail(found.error());
  return result;
}

}  // namespace

Result<std::vector<TracedFunction>> read_functions(const CsvTable& table) {
  const auto action = table.column("function");
  if (!action) return fail(action.error());
  const auto field = [&](std::size_t row, const char* column) {
    const auto index = table.find_column(column);
    return index ? table.rows[row][*index] : std::string();
  };
  std::vector<TracedFunction> functions;
  std::set<std::string> names;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    TracedFunction function{.action = table.rows[row][*action],
                            .model = field(row, "model"),
                            .hash = field(row, "hash_function"),
                            .request = field(row, "request"),
                            .reference = field(row, "reference")};
    if (function.action.empty()) return fail(table.error_in_row(row, "the function has no name"));
    if (!names.insert(function.action).second) {
      return fail(table.error_in_row(row, "function \"" + function.action + "\" is listed twice"));
    }
    functions.push_back(std::move(function));
  }
  if (functions.empty()) return fail(ErrorCode::invalid_argument, table.name + " lists no function");
  return functions;
}

Result<MinuteCounts> read_counts(const CsvTable& table, const std::vector<TracedFunction>& functions) {
  const auto wide = table.find_column("HashFunction");
  auto counts = wide ? read_wide(table, *wide, functions) : read_long(table, functions);
  if (counts) counts->rows_skipped += table.left_out;
  return counts;
}

KeepLine lines_of(const std::vector<TracedFunction>& functions) {
  return [&functions](std::string_view line) {
    return std::ranges::any_of(functions, [&](const TracedFunction& function) {
      const auto& name = function.hash.empty() ? function.action : function.hash;
      return line.find(name) != std::string_view::npos || line.find(function.action) != std::string_view::npos;
    });
  };
}

Schedule make_schedule(const MinuteCounts& counts, std::uint64_t seed) {
  constexpr double kSecondsPerMinute = 60;
  std::mt19937_64 random(seed);
  // Not std::uniform_real_distribution: its results differ between standard libraries.
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1.0p-53; };

  Schedule schedule;
  for (std::size_t function = 0; function < counts.counts.size(); ++function) {
    const auto& minutes = counts.counts[function];
    schedule.length = std::max(schedule.length, from_seconds(kSecondsPerMinute * static_cast<double>(minutes.size())));
    for (std::size_t minute = 0; minute < minutes.size(); ++minute) {
      for (long call = 0; call < minutes[minute]; ++call) {
        const auto at = from_seconds(kSecondsPerMinute * (static_cast<double>(minute) + uniform()));
        schedule.calls.push_back({.at = at, .function = function});
      }
    }
  }
  std::ranges::stable_sort(schedule.calls, {}, &ScheduledCall::at);
  return schedule;
}

Result<Schedule> read_schedule(const CsvTable& table, const std::vector<TracedFunction>& functions) {
  const auto time = table.find_column("offset_s") ? table.column("offset_s") : table.column("time");
  const auto name = table.column("function");
  if (!time) return fail(time.error());
  if (!name) return fail(name.error());

  const auto index = index_of(functions);
  Schedule schedule;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto at = parse_number(table.rows[row][*time]);
    if (!at || *at < 0 || *at > kMostMinutes * 60.0) {
      return fail(
          table.error_in_row(row, "\"" + table.rows[row][*time] + "\" is not a time in seconds from the start"));
    }
    const auto found = index.find(table.rows[row][*name]);
    if (found == index.end()) {
      return fail(table.error_in_row(row, "function \"" + table.rows[row][*name] + "\" is not in the functions file"));
    }
    schedule.calls.push_back({.at = from_seconds(*at), .function = found->second});
    schedule.length = std::max(schedule.length, from_seconds(*at));
  }
  std::ranges::stable_sort(schedule.calls, {}, &ScheduledCall::at);
  return schedule;
}

}  // namespace instainfer::replay
