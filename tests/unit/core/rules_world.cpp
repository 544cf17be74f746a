#include "rules_world.hpp"

#include <algorithm>
#include <sstream>

namespace instainfer::core::testing {
namespace {

using namespace instainfer::literals;
using namespace std::chrono_literals;

constexpr std::uint32_t kFunctions = 9;
constexpr std::uint32_t kNamespaces = 3;

std::string describe(const Command& command) {
  std::ostringstream text;
  text << command.index();
  const auto ids = [&text](const auto&... id) { ((text << ' ' << id.value), ...); };
  if (const auto* c = std::get_if<CreateContainer>(&command)) ids(c->container);
  if (const auto* c = std::get_if<RemoveContainer>(&command)) ids(c->container);
  if (const auto* c = std::get_if<PreloadFunction>(&command)) ids(c->container, c->function);
  if (const auto* c = std::get_if<OffloadFunction>(&command)) ids(c->container, c->function);
  if (const auto* c = std::get_if<StartActivation>(&command)) {
    ids(c->container, c->function, c->activation);
    text << to_string(c->start);
  }
  return text.str();
}

}  // namespace

RandomWorld::RandomWorld(std::uint64_t seed, const NodeSettings& settings, Tamper tamper)
    : random_(seed), checker_(settings.user_memory), tamper_(std::move(tamper)) {
  node_ = std::move(*Node::make(settings));
  for (const Command& command : node_->start(now_)) {
    checker_.saw(command);
    carry_out(command);
  }
  for (std::uint32_t f = 0; f < kFunctions; ++f) add_function(f);
}

void RandomWorld::add_function(std::uint32_t f) {
  // The function's nature is fixed; what is left to chance is when it comes and goes.
  FunctionSpec spec{.ns = {f % kNamespaces},
                    .kind = {f % 4 == 3 ? 2U : 1U},
                    .memory_limit = mebibytes(256 * (1 + f % 2)),
                    .concurrency = f % 5 == 4 ? 2 : 1,
                    .preloadable = f != 8,
                    .model_file = 50_MiB};
  const Bytes size = mebibytes(40 + 17 * f);
  ProfileSnapshot profile{
      .loads = 1, .load_time = 200ms * (1 + f), .loaded_bytes = size, .peak_bytes = size, .execution_mean = 100ms};
  send(FunctionAdded{{f}, spec, profile});
}

void RandomWorld::send(const Event& event) {
  ++sent_;
  checker_.saw(event);
  Commands commands = node_->handle(now_, event);
  for (const Command& command : commands) carry_out(command);
  for (const Command& command : commands) trace_.push_back(describe(command));
  if (tamper_) tamper_(commands, *node_);
  for (const Command& command : commands) checker_.saw(command);
}

void RandomWorld::carry_out(const Command& command) {
  const auto queue = [&](ContainerId id) { boxes_[id].queue.push_back(command); };
  const auto forget_load = [this](ContainerId id, FunctionId f) {
    std::erase_if(boxes_[id].queue, [f](const Command& c) {
      const auto* load = std::get_if<PreloadFunction>(&c);
      return load != nullptr && load->function == f;
    });
    std::erase(boxes_[id].ready, f);
  };
  if (const auto* c = std::get_if<CreateContainer>(&command)) queue(c->container);
  if (const auto* c = std::get_if<PauseContainer>(&command)) queue(c->container);
  if (const auto* c = std::get_if<ResumeContainer>(&command)) queue(c->container);
  if (const auto* c = std::get_if<PreloadFunction>(&command)) queue(c->container);
  if (const auto* c = std::get_if<RemoveContainer>(&command)) {
    boxes_[c->container].queue.clear();
    boxes_[c->container].ready.clear();
    queue(c->container);
  }
  if (const auto* c = std::get_if<OffloadFunction>(&command)) {
    if (c->by_promotion) {
      forget_load(c->container, c->function);
    } else {
      queue(c->container);
    }
  }
  if (const auto* c = std::get_if<StartActivation>(&command)) {
    forget_load(c->container, c->function);
    queue(c->container);
  }
  if (const auto* c = std::get_if<Solve>(&command)) to_solve_.push_back(*c);
}

ContainerId RandomWorld::any_container() {
  if (boxes_.empty()) return {9999};
  return std::next(boxes_.begin(), pick(static_cast<std::uint32_t>(boxes_.size())))->first;
}

bool RandomWorld::answer_something(bool faults) {
  std::vector<ContainerId> waiting;
  for (const auto& [id, box] : boxes_) {
    if (!box.queue.empty()) waiting.push_back(id);
  }
  if (waiting.empty()) return false;
  const ContainerId id = waiting[pick(static_cast<std::uint32_t>(waiting.size()))];
  const Command command = boxes_[id].queue.front();
  boxes_[id].queue.pop_front();
  answer(id, command, faults);
  return true;
}

void RandomWorld::answer(ContainerId id, const Command& command, bool faults) {
  Box& box = boxes_[id];
  const bool fails = faults && chance(0.15);
  if (std::holds_alternative<CreateContainer>(command)) {
    if (fails) boxes_.erase(id);
    return fails ? send(ContainerCreateFailed{id, "no space"}) : send(ContainerCreated{id, 10_MiB});
  }
  if (std::holds_alternative<RemoveContainer>(command)) {
    boxes_.erase(id);
    return send(ContainerRemoved{id});
  }
  if (std::holds_alternative<PauseContainer>(command)) return send(ContainerPaused{id});
  if (std::holds_alternative<ResumeContainer>(command)) return send(ContainerResumed{id, fails});
  if (const auto* c = std::get_if<PreloadFunction>(&command)) {
    if (fails) return send(PreloadFailed{id, c->function, "exit 1"});
    box.ready.push_back(c->function);
    const Bytes size = mebibytes(30 + 17 * c->function.value + pick(20));
    return send(PreloadReady{id, c->function, PreloadLevel::initialised, 300ms, size});
  }
  if (const auto* c = std::get_if<OffloadFunction>(&command)) {
    std::erase(box.ready, c->function);
    return fails ? send(WipeFailed{id}) : send(Offloaded{id, c->function});
  }
  if (const auto* c = std::get_if<StartActivation>(&command)) {
    if (fails) return send(ActivationReturned{c->activation, id});
    box.running[c->activation] = c->function;
    const auto took = c->init ? std::optional<Duration>(400ms) : std::nullopt;
    send(ActivationStarted{c->activation, id, took, took ? mebibytes(40 + pick(60)) : Bytes{}});
  }
}

bool RandomWorld::finish_some_call(bool faults) {
  for (auto& [id, box] : boxes_) {
    if (box.running.empty() || (faults && chance(0.5))) continue;
    const ActivationKey key = box.running.begin()->first;
    box.running.erase(box.running.begin());
    send(ActivationFinished{key, id, !(faults && chance(0.1)), 100ms, mebibytes(60 + pick(60))});
    return true;
  }
  return false;
}

void RandomWorld::strike() {
  const ContainerId id = any_container();
  switch (pick(7)) {
    case 0:
      if (!boxes_.contains(id) || chance(0.7)) return send(ContainerDied{{777}});
      while (!boxes_[id].running.empty() && chance(0.8)) {
        const ActivationKey key = boxes_[id].running.begin()->first;
        boxes_[id].running.erase(key);
        send(ActivationFinished{key, id, false, 1ms, {}});
      }
      boxes_.erase(id);
      return send(ContainerDied{id});
    case 1: {
      if (!boxes_.contains(id) || boxes_[id].ready.empty()) return send(PreloadFailed{id, {4}, "never loaded"});
      const FunctionId f = boxes_[id].ready.back();
      boxes_[id].ready.pop_back();
      return send(PreloadFailed{id, f, "worker died"});
    }
    case 2:
      return send(ContainerMeasured{id, mebibytes(50 + pick(100))});
    case 3:
      return send(FunctionRemoved{{pick(kFunctions + 2)}});
    case 4:
      return add_function(pick(kFunctions));
    case 5:
      return send(ActivationFinished{{next_call_ + 50}, id, true, 1ms, {}});
    default:
      return send(Solved{pick(4), std::make_shared<Plan>()});
  }
}

void RandomWorld::run(int events) {
  while (sent_ < events) {
    now_ += std::chrono::milliseconds(pick(400));
    const double dice = std::uniform_real_distribution<>(0, 1)(random_);
    if (dice < 0.30) {
      send(ActivationArrived{{next_call_++}, {pick(kFunctions)}});
    } else if (dice < 0.65) {
      if (!answer_something(true)) finish_some_call(true);
    } else if (dice < 0.85) {
      finish_some_call(true);
    } else if (dice < 0.93) {
      const auto wake = node_->wake();
      if (wake && chance(0.5)) now_ = std::max(now_, *wake);
      send(Wake{});
    } else if (dice < 0.96 && !to_solve_.empty()) {
      const Solve solve = to_solve_.front();
      to_solve_.erase(to_solve_.begin());
      send(Solved{solve.version, std::make_shared<const Plan>(core::solve(*solve.problem))});
    } else {
      strike();
    }
  }
  quiesce();
}

void RandomWorld::quiesce() {
  // Bounded, so that a node that never comes to rest is a failure and no hang: saw_the_end() finds what is left.
  for (int round = 0; round < 2000; ++round) {
    now_ += 100ms;
    if (answer_something(false) || finish_some_call(false)) continue;
    if (node_->waiting() == 0) break;
    now_ += 1s;
    send(Wake{});
  }
  while (finish_some_call(false)) {
  }
  checker_.saw_the_end();
}

}  // namespace instainfer::core::testing
