#include "planner/packer.hpp"

namespace instainfer::core {

std::optional<PlanProblem> Packer::problem(TimePoint) {
  return std::nullopt;
}
void Packer::adopt(const Plan&, TimePoint) {
}

}  // namespace instainfer::core
