#pragma once

#include <memory>

#include "instainfer/base/result.hpp"
#include "instainfer/invoker/config.hpp"

namespace spdlog {
class logger;
}

namespace instainfer::invoker {

struct StandaloneOptions {
  bool clean = false;  ///< begin with an empty data directory
};

/// Runs the whole of standalone mode until SIGTERM or SIGINT: controller, bus, stores and invoker in this process, one thread.
/// Prints one line that begins with `instainferd ready:` on stdout when requests are served. Errors are those of starting up.
Result<void> run_standalone(Config config, const StandaloneOptions& options, std::shared_ptr<spdlog::logger> log);

}  // namespace instainfer::invoker
