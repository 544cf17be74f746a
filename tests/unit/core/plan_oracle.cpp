#include "unit/core/plan_oracle.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "unit/core/plan_driver.hpp"

namespace instainfer::core {

namespace {

using Counts = std::vector<int>;

bool fits(const ProblemFunction& f, const ProblemBin& bin) {
  return f.facts.ns == bin.facts.ns && f.facts.kind == bin.facts.kind &&
         f.facts.memory_limit <= bin.facts.memory_limit && bin.facts.own != f.facts.id &&
         bin.life > f.facts.load_time * 2 + bin.facts.resume_cost;
}

double value_of_counts(const PlanProblem& problem, const Counts& counts) {
  double sum = 0;
  for (std::size_t f = 0; f < counts.size(); ++f) {
    const auto& value = problem.functions[f].value;
    for (int k = 0; k < std::min<int>(counts[f], static_cast<int>(value.size())); ++k)
      sum += value[static_cast<std::size_t>(k)];
  }
  return sum;
}

std::vector<Counts> contents(const PlanProblem& problem, const ProblemBin& bin) {
  std::vector<Counts> all;
  const std::size_t n = problem.functions.size();
  for (std::uint32_t mask = 0; mask < (1U << n); ++mask) {
    Bytes used;
    bool legal = true;
    Counts counts(n, 0);
    for (std::size_t f = 0; f < n; ++f) {
      if ((mask >> f & 1U) == 0) continue;
      used += problem.functions[f].facts.bytes;
      legal = legal && fits(problem.functions[f], bin);
      counts[f] = 1;
    }
    if (!legal || used > bin.facts.room) continue;
    // Only contents to which nothing can be added: no copy has a negative value.
    bool maximal = true;
    for (std::size_t f = 0; f < n && maximal; ++f) {
      const bool addable = counts[f] == 0 && fits(problem.functions[f], bin);
      maximal = !addable || used + problem.functions[f].facts.bytes > bin.facts.room;
    }
    if (maximal) all.push_back(counts);
  }
  return all;
}

}  // namespace

double best_value(const PlanProblem& problem) {
  std::set<Counts> reached{Counts(problem.functions.size(), 0)};
  for (const ProblemBin& bin : problem.bins) {
    std::set<Counts> next;
    for (const Counts& content : contents(problem, bin)) {
      for (const Counts& before : reached) {
        Counts sum = before;
        for (std::size_t f = 0; f < sum.size(); ++f) sum[f] += content[f];
        next.insert(std::move(sum));
      }
    }
    reached = std::move(next);
  }
  double best = 0;
  for (const Counts& counts : reached) best = std::max(best, value_of_counts(problem, counts));
  return best;
}

double value_of_plan(const PlanProblem& problem, const std::vector<Placement>& target) {
  Counts counts(problem.functions.size(), 0);
  std::map<ContainerId, Bytes> used;
  std::set<std::pair<ContainerId, FunctionId>> seen;
  for (const Placement& p : target) {
    const auto bin = std::ranges::find(problem.bins, p.bin, [](const ProblemBin& b) { return b.facts.id; });
    const auto f =
        std::ranges::find(problem.functions, p.function, [](const ProblemFunction& g) { return g.facts.id; });
    if (bin == problem.bins.end() || f == problem.functions.end() || !fits(*f, *bin)) return -1;
    if (!seen.emplace(p.bin, p.function).second) return -1;
    used[p.bin] += f->facts.bytes;
    if (used[p.bin] > bin->facts.room) return -1;
    ++counts[static_cast<std::size_t>(f - problem.functions.begin())];
  }
  return value_of_counts(problem, counts);
}

PlanProblem random_problem(std::mt19937_64& random, BinSizes sizes) {
  using std::chrono::seconds;
  std::uniform_real_distribution<double> log_calls(std::log(0.02), std::log(3.0));
  PlanProblem problem;
  SetRates arrivals;
  const auto n = std::uniform_int_distribution<std::uint32_t>(6, 8)(random);
  for (std::uint32_t i = 0; i < n; ++i) {
    const PaperModel& model = kPaperModels[std::uniform_int_distribution<std::size_t>(0, 7)(random)];
    ProblemFunction f{.facts = some_function(i, mebibytes(model.mib), std::chrono::milliseconds(model.load_ms))};
    f.facts.execution = std::chrono::milliseconds(1200);
    arrivals.rates[f.facts.id] = std::exp(log_calls(random)) / 60;
    for (int k = 1; k <= 4; ++k) {
      const auto chance = [&](Duration w) {
        return arrivals.probability_of_copies(f.facts.id, {}, w, k, f.facts.execution, 0);
      };
      const double load = instainfer::seconds(f.facts.load_time);
      f.value.push_back(std::max(0.0, load * (chance(seconds(60)) - chance(f.facts.load_time) - 0.2)));
      f.value_held.push_back(load * chance(seconds(60)));
    }
    problem.functions.push_back(std::move(f));
  }
  const auto bins = std::uniform_int_distribution<std::uint32_t>(2, 4)(random);
  for (std::uint32_t b = 0; b < bins; ++b) {
    const int mib = sizes == BinSizes::equal ? 2047 : std::uniform_int_distribution<int>(1500, 4000)(random);
    problem.bins.push_back({.facts = some_bin(b, mebibytes(mib), {}), .life = std::chrono::minutes(10)});
  }
  return problem;
}

}  // namespace instainfer::core
