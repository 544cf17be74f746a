#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/result.hpp"
#include "instainfer/container/container.hpp"
#include "instainfer/core/node.hpp"
#include "instainfer/openwhisk/entities.hpp"
#include "instainfer/openwhisk/limits.hpp"

namespace instainfer::invoker {

struct Listen {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 0;
};

/// Everything an operator can set; configs/instainfer.toml shows each key with its default. Kinds of stem cells come from the
/// runtimes manifest, so `node.stem_cells` stays empty here.
struct Config {
  Listen api{"127.0.0.1", 3233};
  Listen admin{"127.0.0.1", 3234};
  std::filesystem::path data_directory;
  std::filesystem::path models;    ///< model repository; empty: none
  std::filesystem::path runtimes;  ///< runtimes.json; empty: the one beside the program
  core::NodeSettings node;
  container::BackendSettings container;
  bool container_network = false;
  bool preload_unasked = false;  ///< run any kind's code early, not only torchscript's and what asks for it
  std::chrono::milliseconds load_limit{120000};  ///< a preload that takes longer has failed
  std::chrono::milliseconds drain_limit{30000};  ///< on SIGTERM: how long running activations may take to end
  int torch_threads = 1;
  openwhisk::SystemLimits limits;
  std::vector<openwhisk::Identity> users;  ///< empty: guest and whisk.system
  std::string log_level = "info";
};

/// Reads a TOML file over the defaults. An unknown key, a wrong type or an impossible value is an error that names file, line,
/// key and what would be right. Relative paths in it start at the file's own folder.
Result<Config> load_config(const std::filesystem::path& file);
/// The same from text; `name` stands in for the file in messages.
Result<Config> parse_config(std::string_view toml, std::string_view name);
/// Checks what only the whole can tell (thresholds in the wrong order, no memory). Called by load_config.
Result<void> check_config(const Config& config);

/// "250 ms", "10 s", "10 min", "1 h".
Result<Duration> parse_duration(std::string_view text);

}  // namespace instainfer::invoker
