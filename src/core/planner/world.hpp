#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "instainfer/core/plan.hpp"

namespace instainfer::core {

/// One function in one bin: what was reported of it and what is wanted.
struct Copy {
  FunctionId function;
  Bytes bytes;
  HeldState reported = HeldState::none;
  bool wanted = false;
  bool doomed = false;  ///< unwanted for its own sake, not to make room: goes at once
  TimePoint since{};    ///< when it was reported loading
  double loss = 0;      ///< seconds lost without it, as of the last valuation
  double urgency = 0;   ///< its place in the queue of loads while it is wanted and not reported
};

struct BinState {
  BinFacts facts;
  std::vector<Copy> copies;  ///< ordered by function; wanted or reported ones only
  Bytes planned;             ///< of the wanted copies
  Bytes used;                ///< of the reported ones, in whatever state

  [[nodiscard]] Bytes free() const { return facts.room - planned; }
  Copy* find(FunctionId f);
  [[nodiscard]] const Copy* find(FunctionId f) const;

  // Keys under which the indices know it.
  Bytes free_key;
  std::optional<double> loss_key;
};

struct FunctionState {
  FunctionFacts facts;
  int warm = 0;
  int in_service = 0;
  std::vector<ContainerId> bins;            ///< that shall hold it, ordered
  TimePoint last_change{};                  ///< its last arrival, or when it became known
  double rate = 0;                          ///< arrivals per second as of the last valuation
  double gain = 0;                          ///< of one more copy loaded now, as of the last valuation
  int failures = 0;                         ///< loads that failed in a row
  TimePoint not_before = TimePoint::min();  ///< backing off, or dropped a moment ago
  std::optional<TimePoint> timer;           ///< keys under which the timers know it
  std::optional<TimePoint> refresh;
  std::optional<double> gain_key;  ///< key under which the candidates know it
  int class_key = 0;
};

/// Functions and bins that may come together: one namespace and kind. Smaller ids win ties in every index.
struct Group {
  using ByFree = std::set<std::pair<Bytes, ContainerId>>;
  using ByLoss = std::set<std::pair<double, ContainerId>>;
  using ByGain = std::set<std::pair<double, FunctionId>>;  ///< keyed by -gain: the best comes first

  std::map<Bytes, ByFree> bins;                       ///< by memory limit, then by free room
  ByLoss by_loss;                                     ///< by the cheapest wanted copy
  std::map<Bytes, std::map<int, ByGain>> candidates;  ///< by memory limit, then by size in cells
};

/// What a planner knows, and the indices that let it find a place without looking at everything. Holds the accounts
/// (planned, used, indices) right; knows nothing of values.
class World {
 public:
  explicit World(Bytes cell) : cell_(cell) {}

  [[nodiscard]] FunctionState* function(FunctionId f);
  [[nodiscard]] const FunctionState* function(FunctionId f) const;
  [[nodiscard]] BinState* bin(ContainerId b);
  [[nodiscard]] const BinState* bin(ContainerId b) const;
  [[nodiscard]] Group& group_of(NamespaceId ns, KindId kind) { return groups_[{ns, kind}]; }
  [[nodiscard]] const std::map<std::pair<NamespaceId, KindId>, Group>& groups() const { return groups_; }

  FunctionState& add_function(const FunctionFacts& facts);
  /// The copies of it must have been unplaced.
  void remove_function(FunctionId f);
  /// Changes the facts of a known function and what its copies count for.
  void update_function(FunctionState& f, const FunctionFacts& facts);
  BinState& put_bin(const BinFacts& facts);
  /// Returns the functions that were wanted there.
  std::vector<FunctionId> remove_bin(ContainerId b);

  void place(BinState& bin, FunctionState& f);
  void unplace(BinState& bin, FunctionId f);
  void report(BinState& bin, FunctionId f, Bytes bytes, HeldState state, TimePoint now);
  /// To be called after losses of the bin's copies changed.
  void reindex(BinState& bin);
  void set_candidate(FunctionState& f, std::optional<double> gain);

  /// Size in cells, rounded up: what fits by cells fits in bytes.
  [[nodiscard]] int cells(Bytes bytes) const;
  [[nodiscard]] Bytes cell() const { return cell_; }

  void count(std::size_t size_of_index) const;
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  void unindex(BinState& bin);
  void drop_if_gone(BinState& bin, FunctionId f);

  Bytes cell_;
  std::unordered_map<FunctionId, FunctionState> functions_;
  std::unordered_map<ContainerId, BinState> bins_;
  std::map<std::pair<NamespaceId, KindId>, Group> groups_;
  mutable std::uint64_t steps_ = 0;
};

}  // namespace instainfer::core
