#include "csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace instainfer::replay {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::size_t at_most) {
  std::string text;
  for (std::size_t i = 0; i < parts.size() && i < at_most; ++i) text += (i == 0 ? "" : ", ") + parts[i];
  return parts.size() > at_most ? text + ", ..." : text;
}

template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::size_t> CsvTable::find_column(std::string_view column) const {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i] == column) return i;
  }
  return std::nullopt;
}

Result<std::size_t> CsvTable::column(std::string_view column) const {
  if (const auto index = find_column(column)) return *index;
  constexpr std::size_t kNamesShown = 12;
  return fail(ErrorCode::invalid_argument,
              name + " has no column \"" + std::string(column) + "\"; its columns are " + join(header, kNamesShown));
}

Error CsvTable::error_in_row(std::size_t row, std::string_view what) const {
  return {ErrorCode::invalid_argument, name + " line " + std::to_string(lines[row]) + ": " + std::string(what)};
}

Result<CsvTable> parse_csv(std::string_view text, std::string name, const KeepLine& keep) {
  CsvTable table;
  table.name = std::move(name);
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (table.header.empty()) {
      table.header = split(line, ',');
      continue;
    }
    if (keep && !keep(line)) {
      ++table.left_out;
      continue;
    }
    table.rows.push_back(split(line, ','));
    table.lines.push_back(number);
    if (const auto fields = table.rows.back().size(); fields != table.header.size()) {
      return fail(table.error_in_row(table.rows.size() - 1, std::to_string(fields) + " fields where the header has " +
                                                                std::to_string(table.header.size())));
    }
  }
  if (table.header.empty()) return fail(ErrorCode::invalid_argument, table.name + " must begin with a header line");
  return table;
}

std::optional<long> parse_count(std::string_view text) {
  const auto value = parse_whole<long>(text);
  return value && *value >= 0 ? value : std::nullopt;
}

std::optional<double> parse_number(std::string_view text) {
  const auto value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

}  // namespace instainfer::replay
