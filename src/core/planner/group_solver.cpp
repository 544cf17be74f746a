#include "planner/group_solver.hpp"

#include <algorithm>
#include <map>

#include "planner/knapsack.hpp"

namespace instainfer::core {

namespace {

constexpr double kNoise = 1e-9;

int cells_in(Bytes room, Bytes cell) {
  return static_cast<int>(std::max<std::int64_t>(room.count, 0) / cell.count);
}

bool contains(const std::vector<FunctionId>& ids, FunctionId f) {
  return std::ranges::find(ids, f) != ids.end();
}

}  // namespace

GroupSolver::GroupSolver(std::vector<const ProblemFunction*> functions, std::vector<const ProblemBin*> bins, Bytes cell,
                         std::uint32_t& budget)
    : functions_(std::move(functions)), copies_(functions_.size()), cell_(cell), budget_(budget) {
  std::ranges::sort(functions_, {}, [](const ProblemFunction* f) { return f->facts.id; });
  std::ranges::sort(bins, [](const ProblemBin* a, const ProblemBin* b) {
    return std::tuple(-a->facts.room, a->facts.id) < std::tuple(-b->facts.room, b->facts.id);
  });
  bins_.reserve(bins.size());
  for (const ProblemBin* bin : bins) add_bin(*bin);
}

void GroupSolver::add_bin(const ProblemBin& problem) {
  Bin bin{.problem = &problem};
  Bytes room = problem.facts.room;
  for (Index i = 0; i < functions_.size(); ++i) {
    const FunctionFacts& f = functions_[i]->facts;
    const bool is_held = contains(problem.held, f.id);
    if (is_held && contains(problem.pinned, f.id)) {
      bin.pinned.push_back(i);
      room -= f.bytes;
      ++copies_[i].held;
      continue;
    }
    const bool legal =
        problem.facts.memory_limit >= f.memory_limit && problem.facts.own != f.id && f.bytes <= problem.facts.room;
    const bool in_time = is_held || problem.life > f.load_time * 2 + problem.facts.resume_cost;
    if (!legal || !in_time) continue;
    bin.eligible.push_back(i);
    bin.is_held.push_back(is_held);
  }
  bin.cell = knapsack_cell(cell_, problem.facts.room, bin.eligible.size());
  bin.room = room;
  bin.chosen.assign(bin.eligible.size(), false);
  bins_.push_back(std::move(bin));
}

double GroupSolver::value_of(Index f, Copies copies) const {
  const ProblemFunction& function = *functions_[f];
  const auto at = [](const std::vector<double>& values, int i) {
    return i < static_cast<int>(values.size()) ? values[static_cast<std::size_t>(i)] : 0.0;
  };
  double sum = 0;
  for (int i = 0; i < copies.held; ++i) sum += at(function.value_held, i);
  for (int i = copies.held; i < copies.held + copies.fresh; ++i) sum += at(function.value, i);
  return sum;
}

double GroupSolver::marginal(Index f, bool is_held) const {
  Copies more = copies_[f];
  ++(is_held ? more.held : more.fresh);
  return value_of(f, more) - value_of(f, copies_[f]);
}

double GroupSolver::value() const {
  double sum = 0;
  for (Index f = 0; f < functions_.size(); ++f) sum += value_of(f, copies_[f]);
  return sum;
}

void GroupSolver::choose(Bin& bin, std::vector<bool> chosen) {
  for (std::size_t i = 0; i < bin.eligible.size(); ++i) {
    Copies& copies = copies_[bin.eligible[i]];
    const int change = static_cast<int>(chosen[i]) - static_cast<int>(bin.chosen[i]);
    (bin.is_held[i] ? copies.held : copies.fresh) += change;
  }
  bin.chosen = std::move(chosen);
}

void GroupSolver::resolve(Bin& bin, Index forbidden) {
  choose(bin, std::vector<bool>(bin.eligible.size(), false));
  std::vector<Candidate> candidates;
  std::vector<Candidate> newcomers;
  std::vector<bool> staying(bin.eligible.size(), false);
  double worth_staying = 0;
  Bytes room = bin.room;
  for (std::size_t i = 0; i < bin.eligible.size(); ++i) {
    const Index f = bin.eligible[i];
    const double value = f == forbidden ? 0 : marginal(f, bin.is_held[i]);
    if (value <= 0) continue;
    candidates.push_back({i, cells_of(functions_[f]->facts.bytes, bin.cell), value});
    if (!bin.is_held[i]) {
      newcomers.push_back(candidates.back());
      continue;
    }
    staying[i] = true;
    worth_staying += value;
    room -= functions_[f]->facts.bytes;
  }
  std::vector<bool> best(bin.eligible.size(), false);
  const double value = pack(std::move(candidates), cells_in(bin.room, bin.cell), best);
  // What is loaded fits by the byte; rounded up to cells it may not, and would seem to have to go.
  if (worth_staying > 0 && room >= Bytes{} &&
      worth_staying + pack(std::move(newcomers), cells_in(room, bin.cell), staying) > value) {
    best = std::move(staying);
  }
  choose(bin, std::move(best));
}

double GroupSolver::pack(std::vector<Candidate> candidates, int cells, std::vector<bool>& chosen) {
  // Of one size only the best that fit beside each other can matter.
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    return std::tuple(a.cells, -a.value, a.at) < std::tuple(b.cells, -b.value, b.at);
  });
  std::vector<KnapsackItem> items;
  std::vector<std::size_t> origin;
  int of_this_size = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    of_this_size = i > 0 && candidates[i].cells == candidates[i - 1].cells ? of_this_size + 1 : 0;
    if (of_this_size >= cells / std::max(candidates[i].cells, 1)) continue;
    items.push_back({candidates[i].cells, candidates[i].value});
    origin.push_back(candidates[i].at);
  }
  const std::vector<bool> solution = solve_knapsack(items, cells);
  double value = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!solution[i]) continue;
    chosen[origin[i]] = true;
    value += items[i].value;
  }
  return value;
}

void GroupSolver::solve() {
  for (Bin& bin : bins_) resolve(bin);
  if (bins_.size() < 2) return;
  while (improve_single_bins() || improve_pairs()) {
  }
}

bool GroupSolver::spend(std::uint32_t resolves) {
  if (budget_ < resolves) return false;
  budget_ -= resolves;
  return true;
}

bool GroupSolver::improve_single_bins() {
  bool improved = false;
  for (Bin& bin : bins_) {
    if (!spend(1)) return false;
    const double before = value();
    const std::vector<bool> old = bin.chosen;
    resolve(bin);
    if (value() > before + kNoise) {
      improved = true;
    } else {
      choose(bin, old);
    }
  }
  return improved;
}

bool GroupSolver::improve_pairs() {
  for (Bin& a : bins_) {
    for (std::size_t i = 0; i < a.eligible.size(); ++i) {
      if (!a.chosen[i]) continue;
      for (Bin& b : bins_) {
        if (&a == &b) continue;
        for (const Start start : {Start::as_it_is, Start::emptied}) {
          if (!spend(2)) return false;
          if (try_pair(a, b, a.eligible[i], start)) return true;
        }
      }
    }
  }
  return false;
}

bool GroupSolver::try_pair(Bin& a, Bin& b, Index forbidden, Start start_of_b) {
  const double before = value();
  const std::vector<bool> old_a = a.chosen;
  const std::vector<bool> old_b = b.chosen;
  if (start_of_b == Start::emptied) choose(b, std::vector<bool>(b.eligible.size(), false));
  resolve(a, forbidden);
  resolve(b);
  if (value() > before + kNoise) return true;
  choose(a, old_a);
  choose(b, old_b);
  return false;
}

void GroupSolver::append_target(std::vector<Placement>& target) const {
  for (const Bin& bin : bins_) {
    for (const Index f : bin.pinned) target.push_back({bin.problem->facts.id, functions_[f]->facts.id});
    for (std::size_t i = 0; i < bin.eligible.size(); ++i) {
      if (bin.chosen[i]) target.push_back({bin.problem->facts.id, functions_[bin.eligible[i]]->facts.id});
    }
  }
}

double GroupSolver::upper_bound() const {
  struct Piece {
    double value;
    double bytes;
  };
  std::vector<int> held(functions_.size(), 0);
  std::vector<int> places(functions_.size(), 0);
  double room = 0;
  for (const Bin& bin : bins_) {
    room += static_cast<double>(std::max(bin.problem->facts.room, Bytes{}).count);
    for (const Index f : bin.pinned) ++held[f], ++places[f];
    for (std::size_t i = 0; i < bin.eligible.size(); ++i) {
      ++places[bin.eligible[i]];
      held[bin.eligible[i]] += bin.is_held[i] ? 1 : 0;
    }
  }
  std::vector<Piece> pieces;
  for (Index f = 0; f < functions_.size(); ++f) {
    for (int k = 1; k <= places[f]; ++k) {
      const Copies with{std::min(k, held[f]), std::max(k - held[f], 0)};
      const Copies without{std::min(k - 1, held[f]), std::max(k - 1 - held[f], 0)};
      const double value = value_of(f, with) - value_of(f, without);
      if (value > 0) pieces.push_back({value, static_cast<double>(functions_[f]->facts.bytes.count)});
    }
  }
  std::ranges::sort(pieces, [](const Piece& a, const Piece& b) { return a.value * b.bytes > b.value * a.bytes; });
  double bound = 0;
  for (const Piece& piece : pieces) {
    if (room <= 0) break;
    bound += piece.value * std::min(1.0, room / std::max(piece.bytes, 1.0));
    room -= piece.bytes;
  }
  return bound;
}

}  // namespace instainfer::core
