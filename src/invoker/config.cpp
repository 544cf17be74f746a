#include "instainfer/invoker/config.hpp"

#include <charconv>

#include "instainfer/base/files.hpp"
#include "toml_section.hpp"

namespace instainfer::invoker {
namespace {

using namespace std::chrono_literals;
using namespace literals;

constexpr std::int64_t kMany = 1'000'000'000;

void read_listen(TomlSection section, Listen& listen) {
  section.read("bind", listen.bind);
  section.read("port", listen.port, 0, 65535);
  section.finish();
}

void read_path(TomlSection& section, std::string_view key, std::filesystem::path& out) {
  std::string text = out.string();
  section.read(key, text);
  out = text;
}

void read_node(TomlSection section, Config& config) {
  section.read("user_memory", config.node.user_memory, 1_MiB);
  read_path(section, "data_directory", config.data_directory);
  read_path(section, "models", config.models);
  read_path(section, "runtimes", config.runtimes);
  section.read("drain_limit", config.drain_limit);
  section.finish();
}

void read_keep_alive(TomlSection section, core::NodeSettings& node) {
  section.read("policy", node.keep_alive);
  section.read("pause_grace", node.keep_alive_settings.pause_grace);
  section.read("idle_container", node.keep_alive_settings.idle_container);
  section.finish();
}

void read_arrival(TomlSection section, core::ArrivalSettings& arrival) {
  section.read("window", arrival.window, 2, 100000);
  section.read("p_load", arrival.p_load, 0, 1);
  section.read("p_offload", arrival.p_offload, 0, 1);
  section.read("prior_shape", arrival.prior_shape, 1e-6, 1e6);
  section.read("prior_seconds", arrival.prior_seconds, 1e-3, 1e9);
  section.read("forget_per_hour", arrival.forget_per_hour, 0.01, 1);
  section.finish();
}

void read_planning(TomlSection section, core::PlannerSettings& planning) {
  section.read("horizon", planning.horizon);
  section.read("kappa", planning.kappa, 0, 1e6);
  section.read("eta", planning.eta, 0, 1e6);
  section.read("cell", planning.cell, 1_MiB);
  section.read("full_plan_interval", planning.full_plan_interval);
  section.read("search_budget", planning.search_budget, 0, kMany);
  section.read("max_copies", planning.max_copies, 1, 1000);
  section.finish();
}

void read_preload(TomlSection section, Config& config) {
  core::PreloadSettings& preload = config.node.preload;
  section.read("enabled", preload.enabled);
  section.read("planner", preload.planner);
  section.read("arrival_model", preload.arrival_model);
  section.read("concurrent_loads", preload.concurrent_loads, 1, 1024);
  section.read("bind_stem_cells", preload.bind_stem_cells);
  section.read("into_paused", preload.into_paused);
  section.read("unasked", config.preload_unasked);
  section.read("load_limit", config.load_limit);
  read_arrival(section.section("arrival"), preload.arrival);
  read_planning(section.section("planning"), preload.planning);
  section.finish();
}

void read_container(TomlSection section, Config& config) {
  container::BackendSettings& backend = config.container;
  section.read("backend", backend.backend);
  section.read("oci_runtime", backend.oci_runtime);
  section.read("tmp_size", backend.tmp_size, 1_MiB);
  section.read("pids_limit", backend.pids_limit, 8, kMany);
  section.read("insecure_preload", backend.insecure_preload);
  section.read("first_uid", backend.first_uid, 1, 4'000'000'000LL);
  section.read("uid_count", backend.uid_count, 1, kMany);
  section.read("network", config.container_network);
  section.read("torch_threads", config.torch_threads, 1, 1024);
  section.finish();
}

void read_isolation(TomlSection section, core::NodeSettings& node) {
  std::string user = node.one_namespace ? "node" : "namespace";
  section.read("user", user);
  if (user != "node" && user != "namespace") section.refuse("user", "must be \"namespace\" or \"node\"");
  node.one_namespace = user == "node";
  section.finish();
}

void read_limits(TomlSection section, openwhisk::SystemLimits& limits) {
  section.read("min_timeout", limits.min_timeout);
  section.read("max_timeout", limits.max_timeout);
  section.read("min_memory", limits.min_memory, 1_MiB);
  section.read("max_memory", limits.max_memory, 1_MiB);
  section.read("max_logs", limits.max_logs, 0_B);
  section.read("max_code", limits.max_code, 1_B);
  section.read("max_parameters", limits.max_parameters, 1_B);
  section.read("max_payload", limits.max_payload, 1_B);
  section.read("max_result", limits.max_result, 1_B);
  section.read("truncation", limits.truncation, 1_B);
  section.read("invocations_per_minute", limits.invocations_per_minute, -1, kMany);
  section.read("concurrent_invocations", limits.concurrent_invocations, -1, kMany);
  section.read("fires_per_minute", limits.fires_per_minute, -1, kMany);
  section.read("blocking_wait", limits.blocking_wait);
  section.finish();
}

void read_users(TomlSection& root, Config& config) {
  const toml::array* users = root.tables("user");
  if (users == nullptr) return;
  for (std::size_t i = 0; i < users->size(); ++i) {
    TomlSection section = root.element(*users->get_as<toml::table>(i), "user", i);
    openwhisk::Identity user;
    section.read("subject", user.subject);
    section.read("namespace", user.ns);
    section.read("uuid", user.auth_uuid);
    section.read("key", user.auth_key);
    if (user.ns.empty()) user.ns = user.subject;
    user.ns_uuid = user.auth_uuid;
    if (user.subject.size() < 5) section.refuse("subject", "must have at least 5 characters");
    if (user.auth_uuid.empty()) section.refuse("uuid", "is missing; `wsk` sends uuid:key");
    if (user.auth_key.size() < 8) section.refuse("key", "must have at least 8 characters");
    section.finish();
    config.users.push_back(std::move(user));
  }
}

Config defaults() {
  Config config;
  config.node.user_memory = 2_GiB;
  return config;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto malformed = [&] {
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(text) + "' is no duration; write a whole number and ms, s, min or h, like \"10 s\"");
  };
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return malformed();
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  Duration one{};
  if (unit == "ms") one = 1ms;
  else if (unit == "s") one = 1s;
  else if (unit == "min") one = 1min;
  else if (unit == "h") one = 1h;
  if (one == Duration{} || number > Duration::max() / one / 2) return malformed();
  return one * number;
}

Result<Config> parse_config(std::string_view text, std::string_view name) {
  toml::table table;
  try {
    table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::invalid_argument, std::string(name) + ":" + std::to_string(error.source().begin.line) +
                                                 ": " + std::string(error.description()));
  }
  Config config = defaults();
  std::optional<Error> error;
  TomlSection root(&table, "", name, error);
  read_listen(root.section("api"), config.api);
  read_listen(root.section("admin"), config.admin);
  read_node(root.section("node"), config);
  read_keep_alive(root.section("keep_alive"), config.node);
  read_preload(root.section("preload"), config);
  read_container(root.section("container"), config);
  read_isolation(root.section("isolation"), config.node);
  read_limits(root.section("limits"), config.limits);
  read_users(root, config);
  TomlSection log = root.section("log");
  log.read("level", config.log_level);
  log.finish();
  root.finish();
  if (error) return fail(std::move(*error));
  if (auto checked = check_config(config); !checked) return fail(checked.error().in(name));
  return config;
}

Result<Config> load_config(const std::filesystem::path& file) {
  const auto text = read_file(file, 1_MiB);
  if (!text) return fail(text.error());
  auto config = parse_config(*text, file.string());
  if (!config) return config;
  for (std::filesystem::path* path : {&config->data_directory, &config->models, &config->runtimes}) {
    if (!path->empty() && path->is_relative()) *path = file.parent_path() / *path;
  }
  return config;
}

Result<void> check_config(const Config& config) {
  const auto& arrival = config.node.preload.arrival;
  if (arrival.p_load >= arrival.p_offload) {
    return fail(ErrorCode::invalid_argument, "preload.arrival.p_load must be below p_offload");
  }
  if (config.limits.min_memory > config.limits.max_memory) {
    return fail(ErrorCode::invalid_argument, "limits.min_memory is above limits.max_memory");
  }
  if (config.node.user_memory < config.limits.min_memory) {
    return fail(ErrorCode::invalid_argument, "node.user_memory (" + to_string(config.node.user_memory) +
                                                 ") is below the smallest action (limits.min_memory, " +
                                                 to_string(config.limits.min_memory) + "): nothing could ever run");
  }
  if (config.log_level != "debug" && config.log_level != "info" && config.log_level != "warn" &&
      config.log_level != "error") {
    return fail(ErrorCode::invalid_argument, "log.level must be debug, info, warn or error");
  }
  return {};
}

}  // namespace instainfer::invoker
