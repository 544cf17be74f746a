#include "driver.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "node_clock.hpp"

namespace instainfer::invoker {
namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::redirect_error;
using asio::use_awaitable;

namespace {

constexpr auto kHousekeepingInterval = 500ms;
constexpr int kTurnsBetweenSavings = 4;

core::NodeSettings node_settings(const Config& config, const Invoker::Dependencies& deps, FunctionTable& functions) {
  core::NodeSettings settings = config.node;
  for (const openwhisk::Runtime& runtime : deps.manifest.runtimes()) {
    if (!runtime.worker) continue;
    for (const openwhisk::StemCell& cell : runtime.stem_cells) {
      settings.stem_cells.push_back({functions.intern_kind(runtime.kind), cell.memory, cell.initial_count});
    }
  }
  const container::BackendCapabilities& backend = deps.containers.capabilities();
  settings.one_function_per_container = !backend.isolates_functions && !config.container.insecure_preload;
  if (!backend.can_pause) settings.keep_alive_settings.pause_grace = Duration{};
  return settings;
}

}  // namespace

Invoker::Impl::Impl(asio::any_io_executor its_executor, const Config& its_config, Dependencies dependencies,
                    std::unique_ptr<core::Node> its_node, FunctionTable table)
    : executor(its_executor),
      config(its_config),
      deps(std::move(dependencies)),
      log(deps.log),
      node(std::move(its_node)),
      functions(std::move(table)),
      uids(its_config.container.first_uid, its_config.container.uid_count),
      measures(its_config.node.preload.enabled),
      wake_timer(its_executor),
      housekeeping_timer(its_executor),
      idle_signal(its_executor),
      tasks(its_executor, [this](const char* what) {
        measures.internal_error();
        log->error("a background task ended with an exception: {}", what);
      }) {}

Result<std::unique_ptr<Invoker>> Invoker::make(asio::any_io_executor executor, const Config& config,
                                               Dependencies dependencies) {
  FunctionTable functions(dependencies.manifest, dependencies.models, config.preload_unasked);
  auto node = core::Node::make(node_settings(config, dependencies, functions));
  if (!node) return fail(node.error());
  auto impl = std::make_unique<Impl>(executor, config, std::move(dependencies), std::move(*node), std::move(functions));
  return std::unique_ptr<Invoker>(new Invoker(std::move(impl)));
}

Invoker::Invoker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Invoker::~Invoker() = default;

Task<Result<void>> Invoker::start() { return impl_->start(); }
Task<void> Invoker::stop() { return impl_->stop(); }

void Invoker::action_changed(openwhisk::EntityName name) {
  impl_->tasks.spawn(impl_->reload_action(std::move(name)));
}

// Events and commands.

void Invoker::Impl::tell(core::Event event) {
  events.push_back(std::move(event));
  if (telling) return;  // carrying out a command led here: the loop below takes it next
  telling = true;
  while (!events.empty()) {
    const core::Event next = std::move(events.front());
    events.pop_front();
    for (core::Command& command : node->handle(node_now(), next)) {
      std::visit([this](auto& chosen) { carry_out(std::move(chosen)); }, command);
    }
  }
  telling = false;
  measures.memory_granted(node->memory_granted());
  arm_timer();
}

void Invoker::Impl::arm_timer() {
  const auto due = node->wake();
  if (!due || stopping) {
    wake_timer.cancel();
    return;
  }
  wake_timer.expires_at(to_steady(*due));
  wake_timer.async_wait([this](boost::system::error_code error) {
    if (!error) tell(core::Wake{});
  });
}

std::shared_ptr<Slot> Invoker::Impl::slot_of(core::ContainerId id) const {
  const auto found = slots.find(id);
  return found == slots.end() ? nullptr : found->second;
}

void Invoker::Impl::carry_out(core::CreateContainer command) {
  if (stopping) return tell(core::ContainerCreateFailed{command.container, "the node is shutting down"});
  auto slot = std::make_shared<Slot>();
  slot->id = command.container;
  slot->order = command;
  slot->created = node_now();
  slots[command.container] = slot;
  measures.container_created(slot->created);
  tasks.spawn(create(std::move(slot)));
}

void Invoker::Impl::carry_out(core::RemoveContainer command) {
  auto slot = slot_of(command.container);
  if (slot == nullptr) return tell(core::ContainerRemoved{command.container});
  if (slot->removing) return;  // a shutdown was faster; its end is reported once
  slot->removing = true;
  for (auto& [function, worker] : slot->workers) worker.doomed = true;
  tasks.spawn(remove(std::move(slot), command.reason));
}

void Invoker::Impl::carry_out(core::PauseContainer command) {
  if (auto slot = slot_of(command.container)) tasks.spawn(pause(std::move(slot)));
}

void Invoker::Impl::carry_out(core::ResumeContainer command) {
  if (auto slot = slot_of(command.container)) tasks.spawn(resume(std::move(slot)));
}

void Invoker::Impl::carry_out(core::PreloadFunction command) {
  if (auto slot = slot_of(command.container)) tasks.spawn(preload(std::move(slot), command.function, command.level));
}

void Invoker::Impl::carry_out(core::OffloadFunction command) {
  auto slot = slot_of(command.container);
  if (slot == nullptr) return;
  if (const auto worker = slot->workers.find(command.function); worker != slot->workers.end()) {
    worker->second.doomed = true;
  }
  if (!command.by_promotion) tasks.spawn(offload(std::move(slot), command.function));
}

void Invoker::Impl::carry_out(core::StartActivation command) {
  tasks.spawn(run(command));
}

void Invoker::Impl::carry_out(core::RejectActivation command) {
  const auto found = jobs.find(command.activation);
  if (found == jobs.end()) return;
  const std::shared_ptr<ActiveJob> job = found->second;
  jobs.erase(found);
  fail_before_container(job->message, &job->function->action, openwhisk::StatusCode::whisk_error, command.why);
  if (jobs.empty()) idle_signal.cancel();
}

void Invoker::Impl::carry_out(core::Solve command) {
  tasks.spawn(solve(std::move(command)));
}

Task<void> Invoker::Impl::solve(core::Solve command) {
  co_await asio::post(solver, use_awaitable);
  auto plan = std::make_shared<const core::Plan>(core::solve(*command.problem));
  co_await asio::post(executor, use_awaitable);
  tell(core::Solved{command.version, std::move(plan)});
}

// Functions and profiles.

void Invoker::Impl::add_function(const FunctionTable::Interned& interned) {
  if (!interned.is_new) return;
  if (interned.replaced) tell(core::FunctionRemoved{*interned.replaced});
  const Function& function = *interned.function;
  tell(core::FunctionAdded{function.id, function.spec, profiles.find(function, epoch_now())});
}

void Invoker::Impl::forget_function(const openwhisk::EntityName& name) {
  actions.erase(name.qualified());
  for (const core::FunctionId id : functions.forget(name)) tell(core::FunctionRemoved{id});
}

Task<void> Invoker::Impl::reload_action(openwhisk::EntityName name) {
  auto action = co_await deps.entities.get_action(name);
  if (!action) {
    forget_function(name);
    co_return;
  }
  actions.erase(name.qualified());
  const auto interned = functions.intern(name.ns, *action);
  if (interned) add_function(*interned);
}

Task<Result<void>> Invoker::Impl::plan_known_actions() {
  auto known = co_await deps.entities.all_actions();
  if (!known) co_return fail(known.error().in("read the stored actions"));
  for (const openwhisk::Action& action : *known) co_await reload_action(action.name);
  co_return Result<void>();
}

Task<void> Invoker::Impl::save_profiles() {
  auto changed = profiles.take_changed(*node, functions, node_now(), epoch_now());
  if (changed.empty()) co_return;
  profiles_being_saved = changed.size();
  const auto saved = co_await deps.profiles.put_all(std::move(changed));
  profiles_being_saved = 0;
  if (!saved) log->warn("profiles could not be saved: {}", saved.error().message);
}

Task<void> Invoker::Impl::housekeeping() {
  for (int turn = 1; !stopping; ++turn) {
    housekeeping_timer.expires_after(kHousekeepingInterval);
    boost::system::error_code ended;
    co_await housekeeping_timer.async_wait(redirect_error(use_awaitable, ended));
    if (stopping) co_return;
    const auto present = slots;  // inspecting one may remove another
    for (const auto& [id, slot] : present) co_await inspect(slot);
    if (turn % kTurnsBetweenSavings == 0) co_await save_profiles();
  }
}

// Start and stop.

Task<Result<void>> Invoker::Impl::start() {
  const auto cleaned = co_await deps.containers.clean_up();
  if (!cleaned) co_return fail(cleaned.error().in("clean up what an earlier run left"));
  if (*cleaned > 0) log->info("removed {} action containers of an earlier run", *cleaned);

  auto stored = co_await deps.profiles.get_all();
  if (!stored) co_return fail(stored.error().in("read the stored profiles"));
  profiles.restore(std::move(*stored));

  for (core::Command& command : node->start(node_now())) {
    std::visit([this](auto& chosen) { carry_out(std::move(chosen)); }, command);
  }
  if (auto planned = co_await plan_known_actions(); !planned) co_return planned;
  arm_timer();
  tasks.spawn(housekeeping());
  deps.bus.consume([this](openwhisk::ActivationMessage message) { tasks.spawn(admit(std::move(message))); });
  co_return Result<void>();
}

Task<void> Invoker::Impl::stop() {
  tell(core::DrainRequested{});
  if (!jobs.empty()) {
    log->info("draining: {} activations are still running", jobs.size());
    idle_signal.expires_after(config.drain_limit);
    boost::system::error_code ended;
    co_await idle_signal.async_wait(redirect_error(use_awaitable, ended));
    if (!jobs.empty()) log->warn("drain limit reached: {} activations are cut off", jobs.size());
  }
  stopping = true;
  wake_timer.cancel();
  housekeeping_timer.cancel();
  co_await save_profiles();
  const auto present = slots;
  for (const auto& [id, slot] : present) {
    if (!slot->removing) carry_out(core::RemoveContainer{id, core::RemoveReason::shutdown});
  }
  co_await tasks.wait();
  solver.join();
}

}  // namespace instainfer::invoker
