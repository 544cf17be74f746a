#include <map>
#include <utility>

#include "instainfer/core/plan.hpp"
#include "planner/group_solver.hpp"

namespace instainfer::core {

Plan solve(const PlanProblem& problem) {
  struct Parts {
    std::vector<const ProblemFunction*> functions;
    std::vector<const ProblemBin*> bins;
  };
  std::map<std::pair<NamespaceId, KindId>, Parts> groups;
  for (const ProblemBin& bin : problem.bins) groups[{bin.facts.ns, bin.facts.kind}].bins.push_back(&bin);
  for (const ProblemFunction& f : problem.functions) {
    const auto group = groups.find({f.facts.ns, f.facts.kind});
    if (group != groups.end()) group->second.functions.push_back(&f);
  }
  Plan plan{.version = problem.version};
  for (auto& [key, parts] : groups) {
    // Each gets the whole budget: what one namespace is planned does not depend on what others have.
    std::uint32_t budget = problem.search_budget;
    GroupSolver solver(std::move(parts.functions), std::move(parts.bins), problem.cell, budget);
    solver.solve();
    solver.append_target(plan.target);
    plan.value += solver.value();
    plan.upper_bound += solver.upper_bound();
  }
  return plan;
}

}  // namespace instainfer::core
