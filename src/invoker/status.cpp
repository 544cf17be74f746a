#include <spdlog/logger.h>

#include "driver.hpp"
#include "node_clock.hpp"

namespace instainfer::invoker {
namespace {

using openwhisk::Json;

std::string_view held_state_name(core::HeldState state) {
  switch (state) {
    case core::HeldState::none: return "none";
    case core::HeldState::loading: return "loading";
    case core::HeldState::ready: return "ready";
    case core::HeldState::offloading: return "offloading";
  }
  return "unknown";
}

std::string function_name(const FunctionTable& functions, core::FunctionId id) {
  const auto function = functions.find(id);
  return function == nullptr ? "(removed)" : function->action.name.qualified();
}

Json container_json(const core::ContainerView& view, const FunctionTable& functions, const Slot* slot) {
  Json holds = Json::array();
  for (const core::HeldView& held : view.holds) {
    holds.push_back({{"function", function_name(functions, held.function)},
                     {"state", held_state_name(held.state)},
                     {"level", std::string(to_string(held.level))},
                     {"bytes", held.bytes.count}});
  }
  return {{"id", view.id.value},
          {"name", slot == nullptr ? "" : slot->name},
          {"kind", functions.name(view.kind)},
          {"namespace", view.ns ? Json(functions.name(*view.ns)) : Json()},
          {"state", std::string(to_string(view.state))},
          {"limit_bytes", view.memory_limit.count},
          {"used_bytes", view.used.count},
          {"own", view.own ? Json(function_name(functions, *view.own)) : Json()},
          {"active", view.active},
          {"holds", std::move(holds)}};
}

Json function_json(const core::FunctionView& view, const FunctionTable& functions) {
  return {{"function", function_name(functions, view.id)},
          {"namespace", functions.name(view.spec.ns)},
          {"rate_per_second", view.rate},
          {"p_arrive", view.probability},
          {"t_loading_ms", milliseconds(view.load_time)},
          {"expected_saving_ms", view.expected_saving * 1000},
          {"bytes", view.bytes.count},
          {"measured", view.measured},
          {"preloadable", view.spec.preloadable}};
}

Json counters_json(const core::Counters& counters) {
  Json starts = Json::object();
  for (std::size_t i = 0; i < counters.starts.size(); ++i) {
    starts[std::string(to_string(static_cast<core::StartType>(i)))] = counters.starts[i];
  }
  return {{"containers_created", counters.containers_created},
          {"containers_removed", counters.containers_removed},
          {"preloads_started", counters.preloads_started},
          {"preloads_ready", counters.preloads_ready},
          {"preloads_failed", counters.preloads_failed},
          {"preloads_dropped", counters.preloads_dropped},
          {"preloads_used", counters.preloads_used},
          {"preload_seconds", seconds(counters.preload_time)},
          {"unknown_events", counters.unknown_events},
          {"refused_steps", counters.refused_steps},
          {"starts", std::move(starts)}};
}

}  // namespace

nlohmann::json Invoker::status() const {
  const Impl& impl = *impl_;
  const TimePoint now = node_now();
  Json containers = Json::array();
  Bytes used{};
  for (const core::ContainerView& view : impl.node->containers()) {
    containers.push_back(container_json(view, impl.functions, impl.slot_of(view.id).get()));
    used += view.used;
    for (const core::HeldView& held : view.holds) used += held.bytes;
  }
  Json functions = Json::array();
  for (const core::FunctionView& view : impl.node->functions(now)) {
    functions.push_back(function_json(view, impl.functions));
  }
  const container::BackendCapabilities& backend = impl.deps.containers.capabilities();
  const core::Counters& counters = impl.node->counters();
  return {{"version", 1},
          {"time_ms", epoch_now().time_since_epoch().count()},
          {"mode", "standalone"},
          {"preloading", impl.config.node.preload.enabled},
          {"planner", impl.config.node.preload.planner},
          {"backend",
           {{"name", backend.name},
            {"isolates_functions", backend.isolates_functions},
            {"limits_memory", backend.limits_memory},
            {"limits_cpu", backend.limits_cpu},
            {"limits_pids", backend.limits_pids},
            {"limits_disk", backend.limits_disk},
            {"warnings", backend.warnings}}},
          {"memory",
           {{"user_bytes", impl.config.node.user_memory.count},
            {"granted_bytes", impl.node->memory_granted().count},
            {"used_bytes", used.count},
            {"peak_granted_bytes", impl.measures.peak_granted().count}}},
          {"waiting", impl.node->waiting()},
          {"running", impl.jobs.size()},
          {"profiles_unsaved", impl.profiles.unsaved() + impl.profiles_being_saved},
          {"containers", std::move(containers)},
          {"functions", std::move(functions)},
          {"counters", counters_json(counters)},
          {"usage",
           {{"container_seconds", impl.measures.container_seconds(now)},
            {"wasted_byte_seconds", counters.wasted_byte_seconds},
            {"peak_bytes", std::max(impl.measures.peak_used(), used).count}}}};
}

std::string Invoker::metrics() const {
  return impl_->measures.expose(*impl_->node, node_now());
}

}  // namespace instainfer::invoker
