#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "instainfer/base/result.hpp"

namespace instainfer::replay {

/// A table of comma-separated values with a header line. Fields hold no commas and no quotes, as in the Azure trace.
struct CsvTable {
  std::string name;  ///< what error messages call it, usually the file's path
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the header
  std::vector<std::size_t> lines;              ///< line number of each row, from 1
  std::size_t left_out = 0;                    ///< rows that were not kept

  [[nodiscard]] std::optional<std::size_t> find_column(std::string_view column) const;
  /// Errors: invalid_argument, naming the columns that are there.
  [[nodiscard]] Result<std::size_t> column(std::string_view column) const;
  /// "<name> line 7: <what>", for an error about a row.
  [[nodiscard]] Error error_in_row(std::size_t row, std::string_view what) const;
};

/// Which lines to read; a day of the Azure trace has 66 million fields, of which a replay needs a few thousand.
using KeepLine = std::function<bool(std::string_view line)>;

/// Errors: invalid_argument for an empty text or a row whose number of fields differs from the header's.
Result<CsvTable> parse_csv(std::string_view text, std::string name, const KeepLine& keep = {});

/// A whole number of digits only, nothing else around it.
std::optional<long> parse_count(std::string_view text);
/// A finite number, nothing else around it.
std::optional<double> parse_number(std::string_view text);

}  // namespace instainfer::replay
