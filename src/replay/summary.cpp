#include "summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace instainfer::replay {
namespace {

using nlohmann::json;

constexpr std::array kStartTypes = {"cold", "prewarmed", "shared", "restored", "preloading", "preloaded", "warm"};

json to_json(const Distribution& d) {
  return {{"mean", d.mean}, {"p50", d.p50}, {"p95", d.p95}, {"p99", d.p99}, {"total", d.total}};
}

/// The distribution of one time over the invocations that have an activation record.
Distribution over_records(const Run& run, double Invocation::*time) {
  std::vector<double> values;
  for (const auto& invocation : run.invocations) {
    if (invocation.has_record()) values.push_back(invocation.*time);
  }
  return describe(std::move(values));
}

json start_types(const Run& run) {
  json counts = json::object();
  for (const auto* type : kStartTypes) counts[type] = 0;
  for (const auto& invocation : run.invocations) {
    if (invocation.has_record()) counts[invocation.start_type] = counts.value(invocation.start_type, 0) + 1;
  }
  return counts;
}

double reduction_percent(double off, double on) {
  return off > 0 ? 100 * (off - on) / off : 0;
}

/// The two sides of one seed; either may be missing.
struct Pair {
  long seed = 0;
  const Run* off = nullptr;
  const Run* on = nullptr;

  [[nodiscard]] bool complete() const { return off != nullptr && on != nullptr; }
};

/// One figure of a comparison, and which end of it is the bad one.
struct Figure {
  const char* name;
  double (*of)(const Pair&);
  enum class Worst { smallest, largest } worst;
};

double usage_of(const Run& run, double NodeUsage::*field) {
  return run.usage ? (*run.usage).*field : 0;
}

const std::array kFigures = {
    Figure{"loading_total_reduction_percent",
           [](const Pair& p) {
             return reduction_percent(over_records(*p.off, &Invocation::loading_ms).total,
                                      over_records(*p.on, &Invocation::loading_ms).total);
           },
           Figure::Worst::smallest},
    Figure{"slow_starts_reduction_percent",
           [](const Pair& p) {
             return reduction_percent(static_cast<double>(slow_starts(*p.off)),
                                      static_cast<double>(slow_starts(*p.on)));
           },
           Figure::Worst::smallest},
    Figure{"end_to_end_mean_reduction_percent",
           [](const Pair& p) {
             return reduction_percent(over_records(*p.off, &Invocation::end_to_end_ms).mean,
                                      over_records(*p.on, &Invocation::end_to_end_ms).mean);
           },
           Figure::Worst::smallest},
    Figure{"containers_created_difference",
           [](const Pair& p) {
             return usage_of(*p.on, &NodeUsage::containers_created) - usage_of(*p.off, &NodeUsage::containers_created);
           },
           Figure::Worst::largest},
    Figure{"container_seconds_increase_percent",
           [](const Pair& p) {
             return -reduction_percent(usage_of(*p.off, &NodeUsage::container_seconds),
                                       usage_of(*p.on, &NodeUsage::container_seconds));
           },
           Figure::Worst::largest},
    Figure{"wait_p95_difference_ms",
           [](const Pair& p) {
             return over_records(*p.on, &Invocation::wait_ms).p95 - over_records(*p.off, &Invocation::wait_ms).p95;
           },
           Figure::Worst::largest},
};

json compare_pairs(const std::vector<Pair>& pairs) {
  json comparison = json::object();
  for (const auto& figure : kFigures) {
    std::vector<double> values;
    std::ranges::transform(pairs, std::back_inserter(values), figure.of);
    std::ranges::sort(values);
    const auto worst = figure.worst == Figure::Worst::smallest ? values.front() : values.back();
    comparison[figure.name] = {{"median", percentile(values, 0.5)}, {"worst", worst}};
  }
  return comparison;
}

json modes_of(const Pair& pair) {
  json modes = json::object();
  if (pair.off != nullptr) modes["off"] = summarise(*pair.off);
  if (pair.on != nullptr) modes["on"] = summarise(*pair.on);
  return modes;
}

/// The seed in the middle, by how much preloading saves; the first one where a side is missing.
const Pair& median_pair(const std::vector<Pair>& pairs) {
  std::vector<const Pair*> order;
  for (const auto& pair : pairs) order.push_back(&pair);
  if (std::ranges::all_of(pairs, &Pair::complete)) {
    std::ranges::stable_sort(order, {}, [](const Pair* pair) { return kFigures[0].of(*pair); });
    return *order[(order.size() + 1) / 2 - 1];
  }
  return *order.front();
}

json summarise_pairs(const std::vector<Pair>& pairs) {
  const auto& median = median_pair(pairs);
  json summary = {{"seed", median.seed}, {"modes", modes_of(median)}};
  if (!std::ranges::all_of(pairs, &Pair::complete)) return summary;
  summary["comparison"] = compare_pairs(pairs);
  if (pairs.size() == 1) return summary;
  summary["seeds"] = json::array();
  for (const auto& pair : pairs) {
    summary["seeds"].push_back({{"seed", pair.seed}, {"modes", modes_of(pair)}, {"comparison", compare_pairs({pair})}});
  }
  return summary;
}

using BySeed = std::map<long, const Run*>;

Result<std::vector<Pair>> pair_up(const BySeed& off, const BySeed& on, const std::string& planner) {
  std::set<long> seeds;
  for (const auto& [seed, run] : off) seeds.insert(seed);
  for (const auto& [seed, run] : on) seeds.insert(seed);
  std::vector<Pair> pairs;
  for (const auto seed : seeds) {
    const auto find = [&](const BySeed& runs) { return runs.contains(seed) ? runs.at(seed) : nullptr; };
    pairs.push_back({seed, find(off), find(on)});
    if (!off.empty() && !on.empty() && !pairs.back().complete()) {
      return fail(ErrorCode::invalid_argument, "seed " + std::to_string(seed) + " was not replayed both off and on" +
                                                   (planner.empty() ? "" : " (planner " + planner + ")"));
    }
  }
  return pairs;
}

}  // namespace

std::size_t slow_starts(const Run& run) {
  return static_cast<std::size_t>(std::ranges::count_if(run.invocations, [](const Invocation& invocation) {
    return invocation.has_record() && invocation.start_type != "warm" && invocation.start_type != "preloaded";
  }));
}

json summarise(const Run& run) {
  const auto succeeded = std::ranges::count_if(run.invocations, &Invocation::succeeded);
  const auto compared =
      std::ranges::count_if(run.invocations, [](const auto& i) { return i.equals_reference.has_value(); });
  const auto equal = std::ranges::count_if(run.invocations, [](const auto& i) { return i.equals_reference == true; });
  double difference = 0;
  for (const auto& invocation : run.invocations)
    difference = std::max(difference, invocation.largest_difference.value_or(0));

  json summary = {{"invocations", run.invocations.size()},
                  {"succeeded", succeeded},
                  {"results_equal_reference", compared > 0 && equal == compared},
                  {"results_compared", compared},
                  {"results_equal", equal},
                  {"largest_difference", difference},
                  {"start_types", start_types(run)},
                  {"slow_starts", slow_starts(run)},
                  {"loading_ms", to_json(over_records(run, &Invocation::loading_ms))},
                  {"wait_ms", to_json(over_records(run, &Invocation::wait_ms))},
                  {"run_ms", to_json(over_records(run, &Invocation::run_ms))},
                  {"end_to_end_ms", to_json(over_records(run, &Invocation::end_to_end_ms))},
                  {"duration_s", run.duration_s},
                  {"planner", run.label.planner},
                  {"speed", run.label.speed}};
  const auto usage = [&](double NodeUsage::*field) { return run.usage ? json((*run.usage).*field) : json(); };
  summary["containers_created"] = usage(&NodeUsage::containers_created);
  summary["container_seconds"] = usage(&NodeUsage::container_seconds);
  summary["wasted_byte_seconds"] = usage(&NodeUsage::wasted_byte_seconds);
  summary["peak_bytes"] = usage(&NodeUsage::peak_bytes);
  return summary;
}

json run_to_json(const Run& run) {
  json document = {{"mode", run.label.mode},   {"planner", run.label.planner}, {"seed", run.label.seed},
                   {"speed", run.label.speed}, {"duration_s", run.duration_s}, {"usage", nullptr}};
  if (run.usage) {
    document["usage"] = {{"containers_created", run.usage->containers_created},
                         {"container_seconds", run.usage->container_seconds},
                         {"wasted_byte_seconds", run.usage->wasted_byte_seconds},
                         {"peak_bytes", run.usage->peak_bytes}};
  }
  return document;
}

Result<Run> run_from_json(const json& document) {
  Run run;
  try {
    run.label = {.mode = document.at("mode"),
                 .planner = document.at("planner"),
                 .seed = document.at("seed"),
                 .speed = document.at("speed")};
    run.duration_s = document.at("duration_s");
    if (const auto& usage = document.at("usage"); !usage.is_null()) {
      run.usage = NodeUsage{.containers_created = usage.at("containers_created"),
                            .container_seconds = usage.at("container_seconds"),
                            .wasted_byte_seconds = usage.at("wasted_byte_seconds"),
                            .peak_bytes = usage.at("peak_bytes")};
    }
  } catch (const json::exception& error) {
    return fail(ErrorCode::invalid_argument, std::string("not a run.json: ") + error.what());
  }
  return run;
}

Result<json> summarise_all(const std::vector<Run>& runs) {
  if (runs.empty()) return fail(ErrorCode::invalid_argument, "there is no run to summarise");
  BySeed off;
  std::map<std::string, BySeed> on;
  std::vector<std::string> planners;  // in the order of the runs
  for (const auto& run : runs) {
    const auto is_on = run.label.mode == "on";
    if (is_on && !on.contains(run.label.planner)) planners.push_back(run.label.planner);
    auto& side = is_on ? on[run.label.planner] : off;
    if (!side.emplace(run.label.seed, &run).second) {
      return fail(ErrorCode::invalid_argument, "two runs of mode " + run.label.mode + " with seed " +
                                                   std::to_string(run.label.seed) + "; merge only one of them");
    }
  }
  if (planners.empty()) planners.emplace_back();

  json summary;
  json by_planner = json::object();
  for (const auto& planner : planners) {
    const auto pairs = pair_up(off, on[planner], planner);
    if (!pairs) return fail(pairs.error());
    auto part = summarise_pairs(*pairs);
    if (summary.is_null()) summary = part;
    by_planner[planner] = std::move(part);
  }
  if (planners.size() > 1) summary["planners"] = std::move(by_planner);
  return summary;
}

}  // namespace instainfer::replay
