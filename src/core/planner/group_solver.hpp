#pragma once

#include <cstdint>
#include <vector>

#include "instainfer/core/plan.hpp"

namespace instainfer::core {

/// Full plan of one namespace and kind. The value of a function depends on how many of its copies are already loaded
/// (they come first, at `value_held`) and how many are loaded anew (`value`).
///
/// Successive exact knapsacks, the largest bin first, reach at least half of the optimum; the local search only
/// improves on that (policies.md 6.4, 6.5). Deterministic; the budget counts re-solves of single bins, never time.
class GroupSolver {
 public:
  GroupSolver(std::vector<const ProblemFunction*> functions, std::vector<const ProblemBin*> bins, Bytes cell,
              std::uint32_t& budget);

  void solve();
  void append_target(std::vector<Placement>& target) const;
  [[nodiscard]] double value() const;
  /// Fractional knapsack over the room of all bins together (Dantzig): no plan is worth more.
  [[nodiscard]] double upper_bound() const;

 private:
  using Index = std::uint32_t;
  enum class Start { as_it_is, emptied };
  static constexpr Index kNone = ~Index{0};

  struct Copies {
    int held = 0;
    int fresh = 0;
  };
  struct Bin {
    const ProblemBin* problem;
    Bytes room;  ///< without what is pinned
    Bytes cell;
    std::vector<Index> eligible;  ///< functions that may be here and are not pinned here
    std::vector<bool> is_held;    ///< beside `eligible`: loaded here already
    std::vector<bool> chosen;     ///< beside `eligible`
    std::vector<Index> pinned;
  };

  struct Candidate {
    std::size_t at;  ///< in `eligible`
    int cells;
    double value;
  };

  void add_bin(const ProblemBin& bin);
  /// Best content of one bin while the others stay; `forbidden` stays out.
  void resolve(Bin& bin, Index forbidden = kNone);
  /// Exact knapsack of the candidates; marks the chosen ones and returns their value.
  static double pack(std::vector<Candidate> candidates, int cells, std::vector<bool>& chosen);
  void choose(Bin& bin, std::vector<bool> chosen);
  [[nodiscard]] double marginal(Index f, bool is_held) const;
  [[nodiscard]] double value_of(Index f, Copies copies) const;
  bool improve_single_bins();
  bool improve_pairs();
  /// Without `forbidden` in a, first a then b are solved anew; b is emptied before or not.
  bool try_pair(Bin& a, Bin& b, Index forbidden, Start start_of_b);
  bool spend(std::uint32_t resolves);

  std::vector<const ProblemFunction*> functions_;
  std::vector<Bin> bins_;
  std::vector<Copies> copies_;  ///< beside `functions_`
  Bytes cell_;
  std::uint32_t& budget_;
};

}  // namespace instainfer::core
