#include "node_state.hpp"

namespace instainfer::core {

void Node::State::start_in(Container& c, ActivationKey a, StartType start, PreloadLevel level, bool init) {
  ActivationRecord& activation = activations.at(a);
  const FunctionId f = activation.function;
  FunctionRecord& function = functions.at(f);
  const bool frozen = c.idle() && c.state != ContainerState::idle;

  drop_held_for(c, f);
  close_bin(c);
  if (c.own) touched_functions.insert(*c.own);
  touched_functions.insert(f);

  c.ns = function.spec.ns;
  c.own = f;
  if (c.active.empty()) {
    c.own_ready = start == StartType::warm || start == StartType::preloaded;
    c.state_since = now;
  }
  c.state = ContainerState::busy;
  c.active.insert(a);
  pool.reindex(c);
  keep_alive->on_use(c.id, f, now);

  activation.stage = ActivationRecord::Stage::running;
  activation.container = c.id;
  activation.start = start;
  ++function.in_service;
  ++counters.starts[static_cast<std::size_t>(start)];
  out.add(StartActivation{.activation = a,
                          .container = c.id,
                          .function = f,
                          .start = start,
                          .level = level,
                          .init = init,
                          .resume_first = frozen,
                          .waited_for_memory = activation.waited});
}

void Node::State::drop_held_for(Container& c, FunctionId next) {
  for (const auto& [g, held] : c.holds) {
    if (held.state == HeldState::loading) --loading;
    const bool used = g == next && held.state != HeldState::offloading;
    account_drop(held, used ? HeldEnd::used : HeldEnd::dropped);
    // The driver knows nothing yet of a load that waits for the container to be resumed.
    if (!used && held.sent) out.add(OffloadFunction{c.id, g, true});
  }
  c.holds.clear();
}

void Node::State::drop_all_held(Container& c) {
  for (const auto& [f, held] : c.holds) {
    if (held.state == HeldState::loading) --loading;
    account_drop(held, HeldEnd::dropped);
  }
  c.holds.clear();
}

void Node::State::account_drop(const Held& held, HeldEnd end) {
  if (end == HeldEnd::used) {
    ++counters.preloads_used;
    return;
  }
  if (held.accounted) return;
  ++counters.preloads_dropped;
  counters.wasted_byte_seconds += static_cast<double>(held.bytes.count) * seconds(now - held.since);
}

}  // namespace instainfer::core
