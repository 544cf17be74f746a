#include "instainfer/core/node.hpp"

#include <algorithm>
#include <utility>

#include "node_state.hpp"

namespace instainfer::core {
namespace {

Result<void> check(const NodeSettings& s) {
  const auto bad = [](std::string why) { return fail(ErrorCode::invalid_argument, "node: " + std::move(why)); };
  if (s.user_memory <= Bytes{}) return bad("user_memory is " + to_string(s.user_memory) + "; it must be more than 0");
  Bytes stem;
  for (const StemCells& cells : s.stem_cells) {
    if (cells.count < 0) return bad("a stem cell count is negative; use 0 or more");
    if (cells.memory_limit <= Bytes{}) return bad("a stem cell has no memory; its size must be more than 0");
    stem += cells.memory_limit * cells.count;
  }
  if (stem > s.user_memory) {
    return bad("the stem cells need " + to_string(stem) + ", the node has " + to_string(s.user_memory) +
               "; lower their count or raise user_memory");
  }
  if (s.preload.concurrent_loads < 1)
    return bad("concurrent_loads is below 1; use at least 1, or switch preloading off");
  // Refused rather than ignored: a stem cell that belongs to a namespace needs a life cycle of its own.
  if (s.preload.bind_stem_cells) return bad("bind_stem_cells is not supported by this version; leave it off");
  return {};
}

}  // namespace

Node::State::State(NodeSettings node_settings, std::unique_ptr<KeepAlivePolicy> policy,
                   std::unique_ptr<ArrivalModel> model, std::unique_ptr<PreloadPlanner> preloader)
    : settings(std::move(node_settings)),
      keep_alive(std::move(policy)),
      arrivals(std::move(model)),
      planner(std::move(preloader)),
      ledger(settings.user_memory) {
}

Result<std::unique_ptr<Node>> Node::make(const NodeSettings& settings) {
  if (auto ok = check(settings); !ok) return tl::unexpected(ok.error());
  auto policy = make_keep_alive_policy(settings.keep_alive, settings.keep_alive_settings);
  if (!policy) return tl::unexpected(policy.error());
  auto model = make_arrival_model(settings.preload.arrival_model, settings.preload.arrival);
  if (!model) return tl::unexpected(model.error());
  const std::string planner_name = settings.preload.enabled ? settings.preload.planner : "none";
  auto planner = make_preload_planner(planner_name, settings.preload.planning, **model);
  if (!planner) return tl::unexpected(planner.error());
  auto state = std::make_unique<State>(settings, std::move(*policy), std::move(*model), std::move(*planner));
  return std::unique_ptr<Node>(new Node(std::move(state)));
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {
}
Node::~Node() = default;

Commands Node::start(TimePoint now) {
  state_->now = std::max(state_->now, now);
  state_->settle();
  return state_->out.take();
}

Commands Node::handle(TimePoint now, const Event& event) {
  State& s = *state_;
  s.now = std::max(s.now, now);
  // What was due before this event happens before it, whether or not its Wake came (policies.md 2.1, rule 2).
  s.expire();
  std::visit([&s](const auto& e) { s.on(e); }, event);
  s.settle();
  return s.out.take();
}

std::optional<TimePoint> Node::wake() const {
  const State& s = *state_;
  std::optional<TimePoint> earliest = s.settings.preload.enabled ? s.planner->wake(s.now) : std::nullopt;
  const auto consider = [&](TimePoint t) { earliest = earliest ? std::min(*earliest, t) : t; };
  if (const auto deadline = s.pool.next_deadline()) consider(deadline->first);
  for (const auto& [shape, backoff] : s.stem_backoff) consider(backoff.at);
  return earliest ? std::optional(std::max(*earliest, s.now)) : std::nullopt;
}

}  // namespace instainfer::core
