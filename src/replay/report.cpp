#include "report.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "report_template.hpp"

namespace instainfer::replay {
namespace {

using nlohmann::json;

/// The most time between two samples of the node that still counts as one stretch.
constexpr double kLongestGap = 2.0;

/// Joins consecutive samples in which a container held the same thing in the same state: [container, function, state,
/// level, from, to, bytes].
json spans_of(const Run& run) {
  struct Span {
    std::string state, level;
    double from = 0, to = 0, bytes = 0;
  };
  std::map<std::pair<std::string, std::string>, Span> open;
  json spans = json::array();
  const auto close = [&](const auto& key, const Span& span) {
    spans.push_back({key.first, key.second, span.state, span.level, span.from, span.to, span.bytes});
  };
  for (const auto& row : run.timeline) {
    if (row.container == "node") continue;
    const auto key = std::pair(row.container, row.function);
    const auto state = row.state.empty() || row.state == "own" ? row.container_state : row.state;
    auto [at, fresh] = open.try_emplace(key, Span{state, row.level, row.time_s, row.time_s, row.bytes});
    auto& span = at->second;
    if (!fresh && (span.state != state || row.time_s - span.to > kLongestGap)) {
      if (row.time_s - span.to <= kLongestGap) span.to = row.time_s;
      close(key, span);
      span = Span{state, row.level, row.time_s, row.time_s, row.bytes};
    }
    span.to = row.time_s;
    span.bytes = std::max(span.bytes, row.bytes);
  }
  for (const auto& [key, span] : open) close(key, span);
  return spans;
}

json memory_of(const Run& run) {
  json samples = json::array();
  for (const auto& row : run.timeline) {
    if (row.container == "node") samples.push_back({row.time_s, row.bytes, row.container_used_bytes});
  }
  return samples;
}

json calls_of(const Run& run) {
  json calls = json::array();
  for (const auto& i : run.invocations) {
    calls.push_back({{"t", i.sent_ms / 1e3},
                     {"f", i.function},
                     {"m", i.model},
                     {"s", i.has_record() ? i.start_type : i.status},
                     {"l", i.loading_ms},
                     {"w", i.wait_ms},
                     {"e", i.end_to_end_ms},
                     {"r", i.run_ms}});
  }
  return calls;
}

void replace(std::string& text, std::string_view mark, const std::string& value) {
  if (const auto at = text.find(mark); at != std::string::npos) text.replace(at, mark.size(), value);
}

/// JSON inside a script element: "</script>" in a name must not end it.
std::string for_script(const json& value) {
  auto text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  for (auto at = text.find("</"); at != std::string::npos; at = text.find("</", at)) text.replace(at, 2, "<\\/");
  return text;
}

}  // namespace

std::string report_page(const std::vector<Run>& runs, const json& summary) {
  json data = {{"summary", summary}, {"runs", json::array()}};
  for (const auto& run : runs) {
    if (run.label.seed != summary.value("seed", 0L)) continue;
    const auto title = run.label.mode == "on" && !run.label.planner.empty() ? "preloading on, " + run.label.planner
                                                                            : "preloading " + run.label.mode;
    data["runs"].push_back({{"title", title},
                            {"duration", run.duration_s},
                            {"figures", summarise(run)},
                            {"calls", calls_of(run)},
                            {"spans", spans_of(run)},
                            {"memory", memory_of(run)}});
  }
  std::string page(kReportTemplate);
  replace(page, "__DATA__", for_script(data));
  return page;
}

}  // namespace instainfer::replay
