#include "timeline.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "csv.hpp"

namespace instainfer::replay {
namespace {

using nlohmann::json;

constexpr std::string_view kHeader =
    "time_s,container,kind,container_state,function,state,level,bytes,container_used_bytes,container_limit_bytes\n";

json member(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? json() : *found;
}

double number(const json& object, std::string_view key) {
  const auto value = member(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

/// Text, or a number's digits; commas would break the row.
std::string text(const json& object, std::string_view key) {
  const auto value = member(object, key);
  auto result = value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : std::string();
  std::ranges::replace_if(
      result, [](char c) { return c == ',' || c == '\n'; }, ' ');
  return result;
}

void append_container(const json& container, double time_s, std::vector<TimelineRow>& rows) {
  const TimelineRow base{.time_s = time_s,
                         .container = text(container, "id"),
                         .kind = text(container, "kind"),
                         .container_state = text(container, "state"),
                         .function = {},
                         .state = {},
                         .level = {},
                         .container_used_bytes = number(container, "used_bytes"),
                         .container_limit_bytes = number(container, "limit_bytes")};
  const auto before = rows.size();
  const auto own = text(container, "own");
  const auto add = [&](const std::string& function, const std::string& state) -> TimelineRow& {
    auto& row = rows.emplace_back(base);
    row.function = function;
    row.state = state;
    return row;
  };
  auto own_is_held = false;
  const auto holds = member(container, "holds");
  for (const auto& held : holds.is_array() ? holds : json::array()) {
    const auto function = text(held, "function");
    const auto is_own = function == own;
    auto& row = add(function, is_own ? "own" : text(held, "state"));
    row.level = text(held, "level");
    row.bytes = number(held, "bytes");
    own_is_held = own_is_held || is_own;
  }
  if (!own.empty() && !own_is_held) add(own, "own");
  if (rows.size() == before) rows.push_back(base);
}

}  // namespace

std::vector<TimelineRow> timeline_rows(const json& status, double time_s) {
  std::vector<TimelineRow> rows;
  const auto memory = member(status, "memory");
  TimelineRow node{.time_s = time_s,
                   .container = "node",
                   .kind = {},
                   .container_state = {},
                   .function = {},
                   .state = {},
                   .level = {},
                   .bytes = number(memory, "granted_bytes"),
                   .container_used_bytes = number(memory, "used_bytes"),
                   .container_limit_bytes = number(memory, "user_bytes")};
  rows.push_back(std::move(node));
  const auto containers = member(status, "containers");
  for (const auto& container : containers.is_array() ? containers : json::array()) {
    append_container(container, time_s, rows);
  }
  return rows;
}

Result<NodeUsage> node_usage(const json& status) {
  const auto counters = member(status, "counters");
  const auto usage = member(status, "usage");
  const auto check = [](const json& object, const char* where, const char* key) -> Result<double> {
    const auto value = member(object, key);
    if (value.is_number()) return value.get<double>();
    return fail(ErrorCode::invalid_argument, std::string("the node's /status has no number ") + where + "." + key);
  };
  const auto created = check(counters, "counters", "containers_created");
  const auto seconds = check(usage, "usage", "container_seconds");
  const auto wasted = check(usage, "usage", "wasted_byte_seconds");
  const auto peak = check(usage, "usage", "peak_bytes");
  for (const auto* value : {&created, &seconds, &wasted, &peak}) {
    if (!*value) return fail(value->error());
  }
  return NodeUsage{*created, *seconds, *wasted, *peak};
}

std::string timeline_csv(const std::vector<TimelineRow>& rows) {
  std::string csv(kHeader);
  const auto number = [](double value) { return json(value).dump(); };
  for (const auto& row : rows) {
    csv += number(row.time_s);
    for (const auto* field : {&row.container, &row.kind, &row.container_state, &row.function, &row.state, &row.level}) {
      csv += ',' + *field;
    }
    csv += ',' + number(row.bytes) + ',' + number(row.container_used_bytes) + ',' + number(row.container_limit_bytes) +
           '\n';
  }
  return csv;
}

Result<std::vector<TimelineRow>> parse_timeline(std::string_view csv, std::string name) {
  const auto table = parse_csv(csv, std::move(name));
  if (!table) return fail(table.error());
  if (!csv.starts_with(kHeader))
    return fail(ErrorCode::invalid_argument, table->name + " has another header than a timeline");
  std::vector<TimelineRow> rows;
  for (std::size_t i = 0; i < table->rows.size(); ++i) {
    const auto& fields = table->rows[i];
    const auto time = parse_number(fields[0]);
    const auto bytes = parse_number(fields[7]);
    const auto used = parse_number(fields[8]);
    const auto limit = parse_number(fields[9]);
    if (!time || !bytes || !used || !limit) return fail(table->error_in_row(i, "time and bytes must be numbers"));
    rows.push_back({*time, fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], *bytes, *used, *limit});
  }
  return rows;
}

}  // namespace instainfer::replay
