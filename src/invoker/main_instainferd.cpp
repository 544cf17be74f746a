// instainferd: parses the command line and runs one of its modes.

#include <iostream>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "standalone.hpp"

namespace {

using instainfer::invoker::Config;
using instainfer::invoker::StandaloneOptions;

struct CommandLine {
  std::string config_file, data_directory, models, backend, preload, planner;
  std::optional<std::uint16_t> port, admin_port;
  std::string bind;
  bool clean = false, verbose = false;
};

void declare(CLI::App& app, CommandLine& line) {
  app.add_option("-c,--config-file", line.config_file, "Configuration (configs/instainfer.toml shows every key)")
      ->check(CLI::ExistingFile);
  app.add_option("-p,--port", line.port, "Port of the REST API that wsk talks to (default 3233; 0: any free one)");
  app.add_option("--admin-port", line.admin_port, "Port of /ping, /status and /metrics (default 3234; 0: any free one)");
  app.add_option("--bind", line.bind, "Address of the REST API (default 127.0.0.1)");
  app.add_option("-d,--data-dir", line.data_directory, "Actions, activation records and profiles");
  app.add_option("--models", line.models, "Model repository, <name>/<version>/model.pt");
  app.add_option("--backend", line.backend, "Containers: auto, oci or process");
  app.add_option("--preload", line.preload, "The one switch: on or off")->check(CLI::IsMember({"on", "off"}));
  app.add_option("--planner", line.planner, "none, priority or knapsack");
  app.add_flag("--clean", line.clean, "Begin with an empty data directory");
  app.add_flag("-v,--verbose", line.verbose, "Log each activation");
}

void apply(const CommandLine& line, Config& config) {
  if (line.port) config.api.port = *line.port;
  if (line.admin_port) config.admin.port = *line.admin_port;
  if (!line.bind.empty()) config.api.bind = line.bind;
  if (!line.data_directory.empty()) config.data_directory = line.data_directory;
  if (!line.models.empty()) config.models = line.models;
  if (!line.backend.empty()) config.container.backend = line.backend;
  if (!line.preload.empty()) config.node.preload.enabled = line.preload == "on";
  if (!line.planner.empty()) config.node.preload.planner = line.planner;
  if (line.verbose) config.log_level = "debug";
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& level) {
  auto log = spdlog::stderr_color_mt("instainferd");
  log->set_pattern("[%Y-%m-%dT%H:%M:%S.%eZ] [%^%l%$] %v", spdlog::pattern_time_type::utc);
  log->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(log);
  return log;
}

int run(const CommandLine& line) {
  auto config = line.config_file.empty() ? instainfer::invoker::parse_config("", "defaults")
                                         : instainfer::invoker::load_config(line.config_file);
  if (config) apply(line, *config);
  if (!config) {
    std::cerr << "instainferd: " << config.error().message << "\n";
    return 2;
  }
  StandaloneOptions options;
  options.clean = line.clean;
  const auto ended = run_standalone(*config, options, make_logger(config->log_level));
  if (ended) return 0;
  std::cerr << "instainferd: " << ended.error().message << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("InstaInfer: an OpenWhisk invoker that preloads ML models into idle containers");
  app.set_version_flag("--version", "instainferd " INSTAINFER_VERSION);
  app.require_subcommand(1);
  CommandLine line;
  CLI::App* standalone = app.add_subcommand("standalone", "Everything in one process: REST API, store, containers");
  declare(*standalone, line);
  CLI11_PARSE(app, argc, argv);
  return run(line);
}
