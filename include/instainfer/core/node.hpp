#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "instainfer/base/result.hpp"
#include "instainfer/core/arrival_model.hpp"
#include "instainfer/core/events.hpp"
#include "instainfer/core/keep_alive.hpp"
#include "instainfer/core/preload_planner.hpp"
#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// Containers of a kind that stand by without code (runtimes.json, `stemCells`).
struct StemCells {
  KindId kind;
  Bytes memory_limit;
  int count = 0;
};

struct PreloadSettings {
  bool enabled = true;               ///< the one switch; off is OpenWhisk's behaviour with hot process reuse
  std::string planner = "knapsack";  ///< none, priority, knapsack
  std::string arrival_model = "gamma-poisson";
  ArrivalSettings arrival;
  PlannerSettings planning;
  int concurrent_loads = 1;          ///< at most this many loads at a time on the node (policies.md 6.4, step 6)
  bool bind_stem_cells = false;      ///< a namespace's preloads may claim a stem cell; refused by Node::make for now
  bool into_paused = true;           ///< paused containers are bins too
  Duration resume_cost = std::chrono::milliseconds(20);  ///< prior until measured
};

struct NodeSettings {
  Bytes user_memory;  ///< for containers, by their limits
  std::string keep_alive = "fixed";
  KeepAliveSettings keep_alive_settings;
  std::vector<StemCells> stem_cells;
  PreloadSettings preload;
  bool one_function_per_container = false;  ///< the backend cannot isolate two functions in one container
  bool one_namespace = false;               ///< isolation.user = node: the first namespace owns the node
  Duration create_cost = std::chrono::milliseconds(500);  ///< prior for making a container, until measured
};

/// A look at the state, for /status, metrics and tests. Plain copies.
struct HeldView {
  FunctionId function;
  HeldState state = HeldState::none;
  PreloadLevel level = PreloadLevel::none;
  Bytes bytes;
};
struct ContainerView {
  ContainerId id;
  KindId kind;
  std::optional<NamespaceId> ns;
  ContainerState state = ContainerState::creating;
  Bytes memory_limit;
  Bytes used;
  std::optional<FunctionId> own;  ///< warm (or running) for this function
  std::vector<HeldView> holds;
  int active = 0;
  std::optional<TimePoint> idle_since;
  std::optional<TimePoint> remove_at;
};
struct FunctionView {
  FunctionId id;
  FunctionSpec spec;
  double rate = 0;           ///< arrivals per second
  double probability = 0;    ///< P_arrive within the planner's horizon
  Duration load_time{};      ///< T_loading
  Bytes bytes;
  double expected_saving = 0;  ///< E = P x T, seconds
  bool measured = false;
};
struct Counters {
  std::uint64_t unknown_events = 0;   ///< about something the core does not know or wait for
  std::uint64_t refused_steps = 0;    ///< planner steps that would have broken a rule
  std::uint64_t containers_created = 0;
  std::uint64_t containers_removed = 0;
  std::uint64_t preloads_started = 0;
  std::uint64_t preloads_ready = 0;
  std::uint64_t preloads_failed = 0;
  std::uint64_t preloads_dropped = 0;  ///< offloaded or killed by a promotion before they were used
  std::uint64_t preloads_used = 0;
  std::array<std::uint64_t, 7> starts{};  ///< by StartType
  std::uint64_t planner_steps = 0;        ///< counted steps of the planner since the start (rule 6)
  Duration preload_time{};                ///< spent loading what was preloaded: CPU price, not memory
  double wasted_byte_seconds = 0;         ///< memory x time of preloads that were dropped unused
};

/// The decision core of one node (design.md 2 and 4): which container takes an activation; what to create, keep, pause,
/// remove, preload, offload, reject; when to be woken. Pure and deterministic: the same settings and events give the same
/// commands. Not thread-safe; one driver owns it.
///
/// Holds the six rules of design.md section 4; a planner's step that would break one is refused and counted.
class Node {
 public:
  /// Refuses settings that cannot work (unknown policy names, no memory, stem cells larger than the node).
  static Result<std::unique_ptr<Node>> make(const NodeSettings& settings);
  ~Node();

  /// Takes one event; `now` never decreases. O(log n) counted steps.
  Commands handle(TimePoint now, const Event& event);
  /// Commands due at start-up: stem cells.
  Commands start(TimePoint now);
  /// When to send Wake if nothing else happens before.
  [[nodiscard]] std::optional<TimePoint> wake() const;

  [[nodiscard]] std::vector<ContainerView> containers() const;
  [[nodiscard]] std::vector<FunctionView> functions(TimePoint now) const;
  [[nodiscard]] const Counters& counters() const;
  [[nodiscard]] Bytes memory_granted() const;
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::optional<ProfileSnapshot> profile(FunctionId f, TimePoint now) const;
  [[nodiscard]] Explanation explain(FunctionId f, TimePoint now) const;

 private:
  struct State;
  explicit Node(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace instainfer::core
