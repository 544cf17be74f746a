#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/strong_id.hpp"
#include "instainfer/base/time.hpp"

namespace instainfer::core {

/// Dense handles. Drivers intern names; the core never sees a document or a string that means something.
using FunctionId = StrongId<struct FunctionTag, std::uint32_t>;
using ContainerId = StrongId<struct ContainerTag, std::uint32_t>;
using NamespaceId = StrongId<struct NamespaceTag, std::uint32_t>;
using KindId = StrongId<struct KindTag, std::uint32_t>;
/// One invocation as this node counts it; unique for the life of the process.
using ActivationKey = StrongId<struct ActivationTag, std::uint64_t>;

/// What is already done for a function in a container; each level holds what the one before it holds (design.md, 4).
enum class PreloadLevel : std::uint8_t {
  none,
  libraries,    ///< interpreter or libtorch up, nothing of the user's
  initialised,  ///< the user's code ran its initialisation, model in host memory, waiting for a request
  gpu,          ///< model in device memory
};

/// How an activation came to a ready worker (proto/start_type.json). Ordered: a later one is better, and wins ties.
enum class StartType : std::uint8_t { cold, prewarmed, shared, restored, preloading, preloaded, warm };

enum class ContainerState : std::uint8_t { creating, prewarmed, idle, busy, pausing, paused, resuming, removing };

/// Why a container is taken down. Logged, counted, and never "preload": rule 4.
enum class RemoveReason : std::uint8_t { idle_timeout, evicted, broken, wipe_failed, surplus, shutdown };

std::string_view to_string(PreloadLevel level);
std::string_view to_string(StartType type);
std::string_view to_string(ContainerState state);
std::string_view to_string(RemoveReason reason);

/// What the driver knows of a function before it ever ran.
struct FunctionSpec {
  NamespaceId ns;
  KindId kind;
  Bytes memory_limit;                ///< the container it needs
  int concurrency = 1;               ///< activations that one container may run at once
  bool preloadable = false;          ///< its code may run before anybody invoked it (design.md, 5)
  std::optional<Bytes> model_file;   ///< size on disk of a TorchScript function's model; none for others
};

/// What was learnt about a function and survives a restart. Ages count back from the moment of saving.
struct ProfileSnapshot {
  std::uint32_t loads = 0;             ///< how often a load was measured; 0: the times below are estimates
  Duration load_time{};                ///< to level initialised, in a container that is up (EWMA 0.3)
  Bytes loaded_bytes;                  ///< what it adds to a container when loaded (maximum of the last 8)
  Bytes peak_bytes;                    ///< the most a container was seen to use while running it
  Duration execution_mean{};           ///< time between hand-over and answer (EWMA 0.1)
  std::uint64_t arrivals = 0;          ///< all it ever saw
  Duration observed_for{};             ///< age of the first arrival (or of the function, if it had none)
  std::vector<Duration> arrival_ages;  ///< the last window of arrivals, oldest first

  bool operator==(const ProfileSnapshot&) const = default;
};

/// One reason behind a decision, for `explain` ("why was this activation not preloaded?").
struct Term {
  std::string name;
  double value = 0;
};
using Explanation = std::vector<Term>;

}  // namespace instainfer::core
