#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "command_buffer.hpp"
#include "instainfer/core/node.hpp"
#include "ledger.hpp"
#include "pool.hpp"
#include "profile.hpp"
#include "start_cost.hpp"
#include "waiting.hpp"

namespace instainfer::core {

/// A function as the node knows it. Lives until it is removed and none of its activations is left.
struct FunctionRecord {
  FunctionSpec spec;
  FunctionProfile profile;
  bool removed = false;
  int in_service = 0;     ///< placed in a container that runs
  int unfinished = 0;     ///< accepted and not answered
  int warm_reported = 0;  ///< idle warm containers, as the planner knows
};

struct ActivationRecord {
  enum class Stage { waiting, creating, running };
  FunctionId function;
  Stage stage = Stage::waiting;
  ContainerId container;  ///< unless waiting
  bool started = false;   ///< ActivationStarted was seen
  StartType start = StartType::cold;
  TimePoint waiting_since;
  Duration waited{};  ///< for memory, so far
};

/// How a preload ended.
enum class HeldEnd { used, dropped };

/// Where an activation could go.
struct Place {
  enum class Kind { existing, create, evict };
  Kind kind = Kind::create;
  ContainerId container;  ///< if existing
  StartType start = StartType::cold;
  PreloadLevel level = PreloadLevel::none;
  Duration cost{};       ///< start cost
  double destroyed = 0;  ///< seconds of saving that are lost by choosing it
  TimePoint age;         ///< newer wins the last tie
};

/// Everything a Node knows, and the decisions, grouped by the file that implements them.
///
/// Each event is applied, then settle() decides once: waiting activations, stem cells, preloads.
struct Node::State {
  State(NodeSettings node_settings, std::unique_ptr<KeepAlivePolicy> policy, std::unique_ptr<ArrivalModel> model,
        std::unique_ptr<PreloadPlanner> preloader);

  // node_functions.cpp
  void on(const FunctionAdded& event);
  void on(const FunctionRemoved& event);
  void on(const DrainRequested& event);
  [[nodiscard]] FunctionRecord* find_function(FunctionId f);
  void report_facts(FunctionId f);
  void forget_if_unused(FunctionId f);

  // node_activations.cpp
  void on(const ActivationArrived& event);
  void on(const ActivationStarted& event);
  void on(const ActivationFinished& event);
  void on(const ActivationReturned& event);
  void reject(ActivationKey a, std::string why);
  void leave_container(ActivationRecord& activation, Container& c, ActivationKey a);
  /// Forgets an activation that was answered.
  void close_activation(ActivationKey a);

  // node_placing.cpp
  enum class Reach { existing, anywhere };
  [[nodiscard]] std::optional<Place> choose(const FunctionRecord& function, FunctionId f, Reach reach) const;
  void add_warm_places(const FunctionRecord& function, FunctionId f, std::vector<Place>& places) const;
  void add_preloaded_places(const FunctionRecord& function, FunctionId f, std::vector<Place>& places) const;
  void add_prewarmed_place(const FunctionRecord& function, FunctionId f, std::vector<Place>& places) const;
  void add_new_place(const FunctionRecord& function, FunctionId f, std::vector<Place>& places) const;
  [[nodiscard]] bool better(const Place& a, const Place& b, const FunctionRecord& function) const;
  [[nodiscard]] StartTimes start_times(const FunctionRecord& function, const Container* c) const;
  /// Seconds of saving that are lost if f starts in c: everything else there dies.
  [[nodiscard]] double value_destroyed(const Container& c, FunctionId f) const;
  /// The same for the idle copy of the container's owner, if it is gone for `absence`.
  [[nodiscard]] double owner_value(const Container& c, Duration absence) const;
  [[nodiscard]] Duration load_time_of(FunctionId f) const;

  // node_waiting.cpp
  void wait(ActivationKey a);
  void stop_waiting(ActivationKey a);
  [[nodiscard]] bool may_overtake() const;
  void take(ActivationKey a, const Place& place);
  void serve_touched();
  void serve_queue();
  /// Promises memory to the head; evicts as much as needed. Only after choose() said that there is enough.
  void promise_to_head();
  /// The head could never run otherwise: nothing but stem cells (and idle containers) has memory.
  [[nodiscard]] bool may_remove_stem_cells(Bytes missing) const;
  Container* surplus_stem_cell();
  void create_promised();

  // node_promotion.cpp
  /// Kills everything else in the container and starts the activation there.
  void start_in(Container& c, ActivationKey a, StartType start, PreloadLevel level, bool init);
  void drop_held_for(Container& c, FunctionId next);
  /// Everything held dies with its container.
  void drop_all_held(Container& c);
  /// Books the end of a preload: used, or dropped with the memory it wasted.
  void account_drop(const Held& held, HeldEnd end);

  // node_containers.cpp
  void on(const ContainerCreated& event);
  void on(const ContainerCreateFailed& event);
  void on(const ContainerPaused& event);
  void on(const ContainerResumed& event);
  void on(const ContainerRemoved& event);
  void on(const ContainerDied& event);
  void on(const ContainerMeasured& event);
  void on(const WipeFailed& event);
  void on(const Wake&) {}
  Container& create(const Shape& shape, std::optional<NamespaceId> ns);
  void become_idle(Container& c);
  void remove(Container& c, RemoveReason reason);
  /// Removes it now if nothing runs there, else when the last activation is through.
  void doom(Container& c, RemoveReason reason);
  void forget_container(Container& c);
  void expire();
  void refill_stem_cells();
  void remove_idle_for_shutdown();

  // node_preloads.cpp
  void on(const PreloadReady& event);
  void on(const PreloadFailed& event);
  void on(const Offloaded& event);
  void on(const Solved& event);
  void plan();
  void sync_bins();
  void close_bin(Container& c);
  /// For all preloads together: limit - max(measured use without them, peak of the owner).
  [[nodiscard]] Bytes room(const Container& c) const;
  [[nodiscard]] std::optional<BinFacts> bin_facts(const Container& c) const;
  [[nodiscard]] bool may_load(const Container& c, FunctionId f) const;
  void begin_load(Container& c, FunctionId f);
  void begin_offload(Container& c, FunctionId f);
  void send_pending_moves(Container& c);
  /// Drops the least valuable until what is held fits the room again (measured sizes may exceed the estimates).
  void trim(Container& c);
  void pause_if_due(Container& c);
  void settle();

  Duration create_time(KindId kind) const;
  void unknown() { ++counters.unknown_events; }

  NodeSettings settings;
  std::unique_ptr<KeepAlivePolicy> keep_alive;
  std::unique_ptr<ArrivalModel> arrivals;
  std::unique_ptr<PreloadPlanner> planner;
  MemoryLedger ledger;
  Pool pool;
  WaitingQueue waiting;
  std::map<FunctionId, FunctionRecord> functions;
  std::unordered_map<ActivationKey, ActivationRecord> activations;
  CommandBuffer out;
  Counters counters;
  TimePoint now;

  std::uint32_t next_container = 1;
  std::optional<NamespaceId> owner;  ///< of the node, if settings.one_namespace
  bool draining = false;
  int loading = 0;                       ///< load slots in use
  std::optional<std::uint64_t> solving;  ///< version of the problem that was handed out
  std::map<KindId, Duration> create_times;
  std::optional<Duration> resume_time;

  /// A stem cell's creation failed: not tried again before `at`.
  struct Backoff {
    Duration delay{};
    TimePoint at;
  };
  std::map<Shape, Backoff> stem_backoff;

  // What this event touched, for settle().
  std::set<FunctionId> touched_functions;
  std::set<ContainerId> touched_bins;
};

}  // namespace instainfer::core
