#include "measures.hpp"

#include <algorithm>
#include <sstream>

#include <prometheus/text_serializer.h>

namespace instainfer::invoker {
namespace {

using prometheus::Histogram;

const Histogram::BucketBoundaries kSeconds{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60};

prometheus::Counter* counter(prometheus::Registry& registry, const char* name, const char* help) {
  return &prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

/// One value that is read off the core when metrics are asked for, not counted here.
class Exposition {
 public:
  void add(const std::string& name, const std::string& help, prometheus::MetricType type, double value,
           const std::map<std::string, std::string>& labels = {}) {
    if (families_.empty() || families_.back().name != name) families_.push_back({name, help, type, {}});
    prometheus::ClientMetric metric;
    for (const auto& [key, text] : labels) metric.label.push_back({key, text});
    if (type == prometheus::MetricType::Counter) metric.counter.value = value;
    else metric.gauge.value = value;
    families_.back().metric.push_back(std::move(metric));
  }
  std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

void add_core(Exposition& out, const core::Node& node) {
  constexpr auto kCounter = prometheus::MetricType::Counter;
  constexpr auto kGauge = prometheus::MetricType::Gauge;
  const core::Counters& c = node.counters();
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    out.add(name, help, kCounter, static_cast<double>(value));
  };
  count("instainfer_containers_created_total", "Containers created", c.containers_created);
  count("instainfer_containers_removed_total", "Containers removed", c.containers_removed);
  count("instainfer_preloads_started_total", "Loads begun ahead of a request", c.preloads_started);
  count("instainfer_preloads_ready_total", "Preloads that became ready", c.preloads_ready);
  count("instainfer_preloads_failed_total", "Preloads that failed or died", c.preloads_failed);
  count("instainfer_preloads_dropped_total", "Preloads that went unused", c.preloads_dropped);
  count("instainfer_preloads_used_total", "Preloads that served a request", c.preloads_used);
  count("instainfer_core_unknown_events_total", "Events about something the core did not wait for", c.unknown_events);
  count("instainfer_core_refused_steps_total", "Planner steps that would have broken a rule", c.refused_steps);
  out.add("instainfer_preload_seconds_total", "Time spent loading ahead of requests", kCounter, seconds(c.preload_time));
  out.add("instainfer_preload_wasted_byte_seconds_total", "Memory times time of preloads that went unused", kCounter,
          c.wasted_byte_seconds);
  for (std::size_t i = 0; i < c.starts.size(); ++i) {
    out.add("instainfer_starts_total", "Activations by how they came to a ready worker", kCounter,
            static_cast<double>(c.starts[i]),
            {{"start", std::string(to_string(static_cast<core::StartType>(i)))}});
  }
  std::map<std::string, int> states;
  for (const core::ContainerView& view : node.containers()) ++states[std::string(to_string(view.state))];
  for (const auto& [state, number] : states) {
    out.add("instainfer_containers", "Containers by state", kGauge, number, {{"state", state}});
  }
  out.add("instainfer_memory_granted_bytes", "Memory granted to containers", kGauge,
          static_cast<double>(node.memory_granted().count));
  out.add("instainfer_activations_waiting", "Activations that wait for memory", kGauge,
          static_cast<double>(node.waiting()));
}

}  // namespace

Measures::Measures(bool preloading) : registry_(std::make_shared<prometheus::Registry>()) {
  activations_ = &prometheus::BuildCounter()
                      .Name("instainfer_activations_total")
                      .Help("Finished activations by start-up type and status")
                      .Labels({{"preloading", preloading ? "on" : "off"}})
                      .Register(*registry_);
  auto& loading = prometheus::BuildHistogram()
                      .Name("instainfer_loading_seconds")
                      .Help("Receipt of an activation to its hand-over to a ready worker, less the wait for memory")
                      .Register(*registry_);
  for (std::size_t i = 0; i < loading_.size(); ++i) {
    loading_[i] = &loading.Add({{"start", std::string(to_string(static_cast<core::StartType>(i)))}}, kSeconds);
  }
  run_ = &prometheus::BuildHistogram().Name("instainfer_run_seconds").Help("Hand-over to answer").Register(*registry_).Add({}, kSeconds);
  memory_wait_ = &prometheus::BuildHistogram()
                      .Name("instainfer_memory_wait_seconds")
                      .Help("Wait for memory before a place was found")
                      .Register(*registry_)
                      .Add({}, kSeconds);
  failed_before_container_ = counter(*registry_, "instainfer_activations_failed_early_total",
                                     "Activations that failed before a container was chosen");
  records_stored_ = counter(*registry_, "instainfer_records_stored_total", "Activation records stored");
  records_lost_ = counter(*registry_, "instainfer_records_lost_total", "Activation records given up after retries");
  wipes_failed_ = counter(*registry_, "instainfer_wipes_failed_total", "Wipes that did not come clean in time");
  internal_errors_ = counter(*registry_, "instainfer_internal_errors_total", "Errors of our own; please report them");
}

void Measures::container_created(TimePoint now) {
  living_created_sum_ += seconds(now.time_since_epoch());
  ++living_;
}

void Measures::container_removed(TimePoint created, TimePoint now) {
  living_created_sum_ -= seconds(created.time_since_epoch());
  --living_;
  ended_container_seconds_ += seconds(now - created);
}

void Measures::memory_granted(Bytes granted) {
  peak_granted_ = std::max(peak_granted_, granted);
}

void Measures::memory_used(Bytes used) {
  peak_used_ = std::max(peak_used_, used);
}

double Measures::container_seconds(TimePoint now) const {
  return ended_container_seconds_ + living_ * seconds(now.time_since_epoch()) - living_created_sum_;
}

void Measures::activation_done(const Outcome& outcome, Duration run) {
  const auto start = std::string(to_string(outcome.start));
  activations_->Add({{"start", start}, {"status", std::string(openwhisk::status_text(outcome.response.status))}})
      .Increment();
  if (!outcome.loading) return;
  loading_[static_cast<std::size_t>(outcome.start)]->Observe(seconds(*outcome.loading));
  memory_wait_->Observe(seconds(outcome.memory_wait));
  run_->Observe(seconds(run));
}

std::string Measures::expose(const core::Node& node, TimePoint now) const {
  Exposition core_values;
  add_core(core_values, node);
  core_values.add("instainfer_container_seconds_total", "Summed life of all containers", prometheus::MetricType::Counter,
                  container_seconds(now));
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  for (auto& family : core_values.take()) families.push_back(std::move(family));
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace instainfer::invoker
