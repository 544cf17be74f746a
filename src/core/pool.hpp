#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "instainfer/core/plan.hpp"
#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// A preload inside a container.
struct Held {
  HeldState state = HeldState::none;
  PreloadLevel level = PreloadLevel::none;
  Bytes bytes;      ///< estimate while loading, then measured
  TimePoint since;  ///< when it was decided
  bool sent =
      false;  ///< the driver has the load's (or the offload's) command; false: the container must be resumed first
  bool accounted = false;  ///< its drop was counted when it was decided
};

/// Containers of one kind and size are interchangeable as long as they hold no code.
struct Shape {
  KindId kind;
  Bytes memory_limit;
  auto operator<=>(const Shape&) const = default;
};

struct Container {
  ContainerId id;
  Shape shape;
  std::optional<NamespaceId>
      ns;  ///< set for good by the first code it gets: no other namespace is ever served (rule 3)
  ContainerState state = ContainerState::creating;
  Bytes used;                     ///< measured, as last reported
  Bytes base_used;                ///< of that, what is not preloads
  std::optional<FunctionId> own;  ///< warm (or running) for this function
  std::map<FunctionId, Held> holds;
  std::vector<ActivationKey> pending;  ///< what it is created for
  std::set<ActivationKey> active;
  bool own_ready = false;              ///< own's worker has taken a request
  std::optional<RemoveReason> doomed;  ///< takes nothing more and goes when the last activation is through
  bool thawing = false;                ///< a pause or a resume was commanded and not answered
  TimePoint state_since;
  TimePoint idle_since;
  TimePoint pause_at = TimePoint::max();
  TimePoint remove_at = TimePoint::max();
  std::optional<BinFacts> bin;  ///< what the planner was told; none: it is no bin

  [[nodiscard]] bool idle() const {
    return state == ContainerState::idle || state == ContainerState::pausing || state == ContainerState::paused ||
           state == ContainerState::resuming;
  }
  [[nodiscard]] Bytes held_bytes() const {
    Bytes sum;
    for (const auto& [f, held] : holds) sum += held.bytes;
    return sum;
  }
  [[nodiscard]] bool moving() const {  ///< something is being loaded or dropped
    for (const auto& [f, held] : holds) {
      if (held.state != HeldState::ready) return true;
    }
    return false;
  }
};

/// All containers, and the indices that answer each question of a placement in O(log n).
///
/// Whoever changes a container calls reindex() after it. Ids are never used twice.
class Pool {
 public:
  Container& add(Container container);
  void erase(ContainerId id);
  /// Brings the indices in line with the container's present state.
  void reindex(const Container& container);

  [[nodiscard]] Container* find(ContainerId id);
  [[nodiscard]] const std::map<ContainerId, Container>& all() const { return containers_; }

  /// Newest last.
  using ByAge = std::set<std::pair<TimePoint, ContainerId>>;
  [[nodiscard]] const ByAge& idle_warm(FunctionId f) const { return in(idle_warm_, f); }
  /// Running or being made ready for f, with a free concurrency slot.
  [[nodiscard]] const std::set<ContainerId>& with_spare_slot(FunctionId f) const { return in(spare_, f); }
  /// Idle ones that hold f ready or loading.
  [[nodiscard]] const std::set<ContainerId>& holding(FunctionId f) const { return in(holding_, f); }
  /// Stem cells that are ready to take code.
  [[nodiscard]] const std::set<ContainerId>& prewarmed(const Shape& shape) const { return in(prewarmed_, shape); }
  /// Stem cells of that shape: being made, ready.
  [[nodiscard]] int stem_cells(const Shape& shape) const;
  [[nodiscard]] Bytes stem_cell_bytes() const { return stem_bytes_; }
  [[nodiscard]] Bytes idle_bytes() const { return idle_bytes_; }
  /// The earliest pause or removal that is due without any event; none if all are busy.
  [[nodiscard]] std::optional<std::pair<TimePoint, ContainerId>> next_deadline() const;

  /// How many activations of f one container may run at once; 1 until told.
  void set_concurrency(FunctionId f, int concurrency) { concurrency_[f] = concurrency; }

 private:
  /// Which entries of the indices belong to a container.
  struct Entry {
    std::optional<std::pair<FunctionId, TimePoint>> warm;
    std::optional<FunctionId> spare;
    std::vector<FunctionId> held;
    std::optional<Shape> prewarmed;
    std::optional<Shape> stem;
    Bytes idle;
    std::optional<TimePoint> deadline;
  };
  [[nodiscard]] Entry entry_of(const Container& c) const;
  void remove_entry(ContainerId id, const Entry& entry);
  void insert_entry(ContainerId id, const Entry& entry);
  template <typename Map, typename Key>
  static const typename Map::mapped_type& in(const Map& map, const Key& key) {
    static const typename Map::mapped_type kEmpty{};
    const auto it = map.find(key);
    return it == map.end() ? kEmpty : it->second;
  }

  std::map<ContainerId, Container> containers_;
  std::map<ContainerId, Entry> entries_;
  std::map<FunctionId, int> concurrency_;
  std::map<FunctionId, ByAge> idle_warm_;
  std::map<FunctionId, std::set<ContainerId>> spare_;
  std::map<FunctionId, std::set<ContainerId>> holding_;
  std::map<Shape, std::set<ContainerId>> prewarmed_;
  std::map<Shape, std::set<ContainerId>> stems_;
  ByAge deadlines_;
  Bytes stem_bytes_;
  Bytes idle_bytes_;
};

}  // namespace instainfer::core
