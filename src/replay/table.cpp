#include "table.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

namespace instainfer::replay {
namespace {

using nlohmann::json;

/// One line of the table: where the figure stands in a mode, and whether a saving in percent makes sense for it.
struct Line {
  const char* title;
  const char* pointer;
  enum class Saving { shown, hidden } saving;
  double unit = 1;
};

constexpr double kMebi = 1 << 20;
const std::vector<Line> kLines = {
    {"invocations", "/invocations", Line::Saving::hidden},
    {"  succeeded", "/succeeded", Line::Saving::hidden},
    {"  result equals reference", "/results_equal", Line::Saving::hidden},
    {"start: cold", "/start_types/cold", Line::Saving::hidden},
    {"start: prewarmed", "/start_types/prewarmed", Line::Saving::hidden},
    {"start: shared", "/start_types/shared", Line::Saving::hidden},
    {"start: preloading", "/start_types/preloading", Line::Saving::hidden},
    {"start: preloaded", "/start_types/preloaded", Line::Saving::hidden},
    {"start: warm", "/start_types/warm", Line::Saving::hidden},
    {"neither warm nor preloaded", "/slow_starts", Line::Saving::shown},
    {"loading, mean (ms)", "/loading_ms/mean", Line::Saving::shown},
    {"loading, p95 (ms)", "/loading_ms/p95", Line::Saving::shown},
    {"loading, total (ms)", "/loading_ms/total", Line::Saving::shown},
    {"wait for memory, p95 (ms)", "/wait_ms/p95", Line::Saving::shown},
    {"end to end, mean (ms)", "/end_to_end_ms/mean", Line::Saving::shown},
    {"end to end, p95 (ms)", "/end_to_end_ms/p95", Line::Saving::shown},
    {"containers created", "/containers_created", Line::Saving::shown},
    {"container-seconds", "/container_seconds", Line::Saving::shown},
    {"wasted memory (MiB s)", "/wasted_byte_seconds", Line::Saving::shown, kMebi},
    {"peak memory (MiB)", "/peak_bytes", Line::Saving::shown, kMebi},
};

std::string format(const char* pattern, auto... values) {
  char text[160];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

/// The figure's text, "-" if it is not known.
std::string cell(const json& mode, const Line& line) {
  const auto value = mode.value(json::json_pointer(line.pointer), json());
  if (!value.is_number()) return "-";
  return format(value.is_number_integer() ? "%.0f" : "%.1f", value.get<double>() / line.unit);
}

std::string saving(const json& off, const json& on, const Line& line) {
  const auto before = off.value(json::json_pointer(line.pointer), json());
  const auto after = on.value(json::json_pointer(line.pointer), json());
  if (line.saving == Line::Saving::hidden || !before.is_number() || !after.is_number() || before == 0) return "";
  return format("%+.1f %%", 100 * (after.get<double>() / before.get<double>() - 1));
}

std::string table_of(const json& part) {
  const auto& modes = part["modes"];
  const auto off = modes.value("off", json::object());
  const auto on = modes.value("on", json::object());
  const auto planner = on.value("planner", std::string());
  auto text = format("%-28s %12s %12s %10s\n", "preloading", "off", planner.empty() ? "on" : planner.c_str(), "change");
  for (const auto& line : kLines) {
    text += format("%-28s %12s %12s %10s\n", line.title, cell(off, line).c_str(), cell(on, line).c_str(),
                   saving(off, on, line).c_str());
  }
  if (!part.contains("seeds")) return text;
  text += format("\nover %zu seeds (the table shows seed %ld)   %10s %10s\n", part["seeds"].size(),
                 part["seed"].get<long>(), "median", "worst");
  for (const auto& [name, figure] : part["comparison"].items()) {
    text +=
        format("  %-38s %10.1f %10.1f\n", name.c_str(), figure["median"].get<double>(), figure["worst"].get<double>());
  }
  return text;
}

bool mode_right(const json& mode) {
  return mode["succeeded"] == mode["invocations"] && mode["results_equal"] == mode["results_compared"];
}

bool part_right(const json& part) {
  const auto& modes = part["modes"];
  const auto& seeds = part.value("seeds", json::array());
  return std::ranges::all_of(modes, mode_right) && std::ranges::all_of(seeds, part_right);
}

}  // namespace

std::string comparison_table(const json& summary) {
  if (!summary.contains("planners")) return table_of(summary);
  std::string text;
  for (const auto& part : summary["planners"]) text += (text.empty() ? "" : "\n") + table_of(part);
  return text;
}

bool all_right(const json& summary) {
  const auto planners = summary.value("planners", json::object());
  return part_right(summary) && std::ranges::all_of(planners, part_right);
}

}  // namespace instainfer::replay
