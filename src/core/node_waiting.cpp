#include "node_state.hpp"

namespace instainfer::core {
namespace {

/// When the head has waited this long, nobody overtakes it any more: else the calls of a busy function could keep its
/// containers from ever becoming idle, and so from being evicted for the head.
constexpr Duration kOvertakingLimit = std::chrono::seconds(10);

}  // namespace

void Node::State::wait(ActivationKey a) {
  ActivationRecord& activation = activations.at(a);
  activation.stage = ActivationRecord::Stage::waiting;
  activation.waiting_since = now;
  waiting.add(a, activation.function, now);
}

void Node::State::stop_waiting(ActivationKey a) {
  ActivationRecord& activation = activations.at(a);
  if (waiting.promised(a)) ledger.keep_promise(find_function(activation.function)->spec.memory_limit);
  waiting.remove(a);
  activation.waited += now - activation.waiting_since;
}

bool Node::State::may_overtake() const {
  const std::optional<TimePoint> since = waiting.head_since();
  return !since || now - *since < kOvertakingLimit;
}

void Node::State::take(ActivationKey a, const Place& place) {
  if (place.kind != Place::Kind::existing) {
    promise_to_head();
    return;
  }
  stop_waiting(a);
  Container& c = *pool.find(place.container);
  if (c.state == ContainerState::creating) {
    ActivationRecord& activation = activations.at(a);
    activation.stage = ActivationRecord::Stage::creating;
    activation.container = c.id;
    c.pending.push_back(a);
    pool.reindex(c);
    return;
  }
  start_in(c, a, place.start, place.level, place.start == StartType::prewarmed);
}

void Node::State::serve_touched() {
  const std::set<FunctionId> touched = std::exchange(touched_functions, {});
  for (const FunctionId f : touched) {
    // The head is left to serve_queue(), which knows more places.
    for (auto a = waiting.first_of(f); a && a != waiting.head(); a = waiting.first_of(f)) {
      if (!waiting.promised(*a) && !may_overtake()) break;
      const std::optional<Place> place = choose(functions.at(f), f, Reach::existing);
      if (!place) break;
      take(*a, *place);
    }
    touched_functions.insert(f);
  }
}

void Node::State::serve_queue() {
  create_promised();
  while (const std::optional<ActivationKey> head = waiting.head()) {
    const FunctionId f = activations.at(*head).function;
    const std::optional<Place> place = choose(functions.at(f), f, Reach::anywhere);
    if (!place) break;
    take(*head, *place);
  }
  create_promised();
}

void Node::State::promise_to_head() {
  const FunctionId f = activations.at(*waiting.head()).function;
  const Bytes need = functions.at(f).spec.memory_limit;
  while (ledger.unpromised() < need) {
    const std::optional<ContainerId> victim = keep_alive->victim();
    if (!victim) break;
    remove(*pool.find(*victim), RemoveReason::evicted);
  }
  while (ledger.unpromised() < need) remove(*surplus_stem_cell(), RemoveReason::surplus);
  ledger.promise(need);
  waiting.promise_head();
}

bool Node::State::may_remove_stem_cells(Bytes missing) const {
  // Whatever is neither idle, nor a stem cell, nor leaving will be idle one day; and a promise is a container to come.
  const Bytes others = ledger.granted() - ledger.freeing() - pool.idle_bytes() - pool.stem_cell_bytes();
  if (others > Bytes{} || ledger.promised() > Bytes{}) return false;
  Bytes ready = pool.idle_bytes();
  for (const StemCells& cells : settings.stem_cells) {
    const Shape shape{cells.kind, cells.memory_limit};
    ready += shape.memory_limit * static_cast<std::int64_t>(pool.prewarmed(shape).size());
  }
  return ready >= missing;
}

Container* Node::State::surplus_stem_cell() {
  for (const StemCells& cells : settings.stem_cells) {
    const auto& ready = pool.prewarmed({cells.kind, cells.memory_limit});
    if (!ready.empty()) return pool.find(*ready.rbegin());
  }
  return nullptr;
}

void Node::State::create_promised() {
  while (const std::optional<ActivationKey> a = waiting.first_promised()) {
    ActivationRecord& activation = activations.at(*a);
    const FunctionSpec& spec = functions.at(activation.function).spec;
    if (spec.memory_limit > ledger.free()) return;
    stop_waiting(*a);
    Container& c = create({spec.kind, spec.memory_limit}, spec.ns);
    c.own = activation.function;
    c.pending.push_back(*a);
    activation.stage = ActivationRecord::Stage::creating;
    activation.container = c.id;
    pool.reindex(c);
  }
}

}  // namespace instainfer::core
