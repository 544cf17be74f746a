// Coroutines that make, load, inspect and remove containers: how a command of the core is carried out.

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "driver.hpp"
#include "node_clock.hpp"
#include "requests.hpp"

namespace instainfer::invoker {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto kLibrariesLimit = 30s;     // a zygote takes 0.7 to 4 s (cold page cache)
constexpr auto kLibrariesPoll = 10ms;
constexpr auto kOffloadLimit = 3s;        // the manager gives a wipe one second
constexpr std::int64_t kCpuShares = 1024;

runtime::WorkerType worker_type(openwhisk::WorkerType type) {
  return type == openwhisk::WorkerType::torchscript ? runtime::WorkerType::torchscript : runtime::WorkerType::python;
}

/// OpenWhisk's container name (contract 4.3): only letters, digits and _ in its last part.
std::string container_name(std::uint64_t number, const std::string& owner, const std::string& kind) {
  std::string tail = owner + "_" + kind;
  std::erase_if(tail, [](unsigned char c) { return std::isalnum(c) == 0 && c != '_'; });
  return "wsk00_" + std::to_string(number) + "_" + tail;
}

/// Memory of the manager and zygote, and of the own worker: all but what is preloaded.
struct MemoryUse {
  Bytes base;
  Bytes own;
};
MemoryUse memory_use(const runtime::StatusReport& report) {
  MemoryUse use{report.memory, {}};
  for (const runtime::WorkerStatus& worker : report.workers) {
    use.base -= worker.memory;
    if (worker.function == report.owner) use.own = worker.memory;
  }
  return use;
}

}  // namespace

Task<void> Invoker::Impl::create(std::shared_ptr<Slot> slot) {
  const openwhisk::Runtime* runtime = deps.manifest.find(functions.name(slot->order.kind));
  container::ContainerSpec spec;
  slot->name = container_name(++next_container_name, slot->order.ns ? functions.name(*slot->order.ns) : "prewarm",
                              runtime->kind);
  spec.name = slot->name;
  spec.worker = worker_type(*runtime->worker);
  spec.memory_limit = slot->order.memory_limit;
  // contract 5.10: a share of the node's CPU as large as its share of the memory, by integer quotient
  spec.cpu_shares = static_cast<int>(std::max<std::int64_t>(
      2, kCpuShares / std::max<std::int64_t>(1, config.node.user_memory.count / slot->order.memory_limit.count)));
  spec.network = config.container_network;
  const core::ContainerId id = slot->id;
  std::function<void()> on_exit = [this, id] { container_exited(id); };
  auto made = co_await deps.containers.create(std::move(spec), std::move(on_exit));
  if (!made) {
    log->error("container {} could not be created: {}", slot->name, made.error().message);
    measures.container_removed(slot->created, node_now());
    slots.erase(id);
    tell(core::ContainerCreateFailed{id, made.error().message});
    co_return;
  }
  slot->container = std::move(*made);
  if (slot->removing) co_return co_await remove(slot, core::RemoveReason::shutdown);

  // A stem cell counts only once its libraries are up; a container that somebody waits for gets its init at once.
  auto status = co_await slot->container->status();
  if (!slot->order.ns) {
    asio::steady_timer pause_timer(executor);
    const TimePoint deadline = node_now() + kLibrariesLimit;
    while (status && !status->libraries_ready && node_now() < deadline && !slot->removing) {
      pause_timer.expires_after(kLibrariesPoll);
      boost::system::error_code ignored;
      co_await pause_timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      status = co_await slot->container->status();
    }
  }
  if (slot->removing) co_return;
  slot->ready = true;
  log->info("container created name={} kind={} limit={}", slot->name, runtime->kind, to_string(slot->order.memory_limit));
  if (status) slot->base = memory_use(*status).base;
  tell(core::ContainerCreated{id, slot->base});
}

Task<void> Invoker::Impl::remove(std::shared_ptr<Slot> slot, core::RemoveReason reason) {
  if (slot->container == nullptr) co_return;  // still being made: create() comes back here once it can be destroyed
  const auto destroyed = co_await slot->container->destroy();
  if (!destroyed) log->error("container {} was not removed cleanly: {}", slot->name, destroyed.error().message);
  log->info("container removed name={} reason={}", slot->name, to_string(reason));
  release_workers_but(*slot, std::nullopt);
  measures.container_removed(slot->created, node_now());
  slots.erase(slot->id);
  if (!slot->died) tell(core::ContainerRemoved{slot->id});
}

Task<void> Invoker::Impl::pause(std::shared_ptr<Slot> slot) {
  const auto paused = co_await slot->container->pause();
  if (paused) {
    slot->paused = true;
    tell(core::ContainerPaused{slot->id});
    co_return;
  }
  log->warn("container {} could not be paused: {}", slot->name, paused.error().message);
  container_exited(slot->id);
}

Task<void> Invoker::Impl::resume(std::shared_ptr<Slot> slot) {
  const auto resumed = co_await slot->container->resume();
  slot->paused = !resumed;
  if (!resumed) log->warn("container {} could not be resumed: {}", slot->name, resumed.error().message);
  tell(core::ContainerResumed{slot->id, !resumed});
}

Task<void> Invoker::Impl::preload(std::shared_ptr<Slot> slot, core::FunctionId id, core::PreloadLevel level) {
  const auto function = functions.find(id);
  if (function == nullptr) {
    tell(core::PreloadFailed{slot->id, id, "the function was removed"});
    co_return;
  }
  auto worker = new_worker(*slot, *function);
  if (!worker) {
    tell(core::PreloadFailed{slot->id, id, worker.error().message});
    co_return;
  }
  const std::uint64_t generation = slot->workers[id].generation;
  auto request = preload_request(*function, *worker);
  const auto loaded = co_await slot->container->preload(std::move(request), config.load_limit);

  const auto mine = slot->workers.find(id);
  if (mine == slot->workers.end() || mine->second.generation != generation || mine->second.doomed) co_return;
  if (loaded) {
    if (!loaded->output.empty()) log->debug("output while preloading {}: {}", function->key, loaded->output);
    profiles.touch(id);
    tell(core::PreloadReady{slot->id, id, level, loaded->took, loaded->memory});
    co_return;
  }
  log->warn("preload failed action={} container={}: {}", function->action.name.qualified(), slot->name,
            loaded.error().message);
  // A load that ran into its limit may still be running in there: make sure that it is gone before its uid is used again.
  const auto gone = co_await slot->container->offload(function->key, kOffloadLimit);
  if (!gone && gone.error().code != ErrorCode::not_found) {
    measures.wipe_failed();
    tell(core::WipeFailed{slot->id});
    co_return;
  }
  release_worker(*slot, id);
  tell(core::PreloadFailed{slot->id, id, loaded.error().message});
}

Task<void> Invoker::Impl::offload(std::shared_ptr<Slot> slot, core::FunctionId id) {
  const auto function = functions.find(id);
  const std::uint64_t generation = slot->workers.contains(id) ? slot->workers[id].generation : 0;
  const std::string key = function == nullptr ? "" : function->key;
  const auto gone = co_await slot->container->offload(key, kOffloadLimit);
  if (slot->removing) co_return;
  if (!gone && gone.error().code != ErrorCode::not_found) {
    log->error("wipe failed container={} function={}: {}", slot->name, key, gone.error().message);
    measures.wipe_failed();
    tell(core::WipeFailed{slot->id});
    co_return;
  }
  const auto mine = slot->workers.find(id);
  if (mine != slot->workers.end() && mine->second.generation == generation) release_worker(*slot, id);
  tell(core::Offloaded{slot->id, id});
}

Task<void> Invoker::Impl::inspect(std::shared_ptr<Slot> slot) {
  if (slot->container == nullptr || slot->active > 0 || slot->paused || slot->removing) co_return;
  const auto report = co_await slot->container->status();
  if (!report || slot->active > 0 || slot->removing) co_return;
  bool own_died = false;
  for (const runtime::WorkerDeath& death : report->deaths) {
    for (const auto& [id, worker] : std::map(slot->workers)) {
      const auto function = functions.find(id);
      if (function == nullptr || function->key != death.function || worker.doomed) continue;
      log->warn("worker died action={} container={}: {}", function->action.name.qualified(), slot->name, death.why);
      own_died = own_died || slot->own == id;
      release_worker(*slot, id);
      if (slot->own != id) tell(core::PreloadFailed{slot->id, id, death.why});
    }
  }
  if (own_died) co_return container_exited(slot->id);
  Bytes total{};
  for (const core::ContainerView& view : node->containers()) {
    total += view.used;
    for (const core::HeldView& held : view.holds) total += held.bytes;
  }
  measures.memory_used(total);
  const MemoryUse use = memory_use(*report);
  slot->base = use.base;
  tell(core::ContainerMeasured{slot->id, use.base + use.own});
}

void Invoker::Impl::container_exited(core::ContainerId id) {
  const auto slot = slot_of(id);
  if (slot == nullptr || slot->removing || slot->active > 0) return;  // a running activation notices by itself
  log->warn("container {} died", slot->name);
  if (!slot->ready) return;  // its maker gets the error
  slot->died = true;
  carry_out(core::RemoveContainer{id, core::RemoveReason::broken});
  tell(core::ContainerDied{id});
}

Result<runtime::WorkerSpec> Invoker::Impl::new_worker(Slot& slot, const Function& function) {
  Worker worker;
  worker.generation = ++next_generation;
  if (deps.containers.capabilities().isolates_functions) {
    const auto uid = uids.take();
    if (!uid) return fail(ErrorCode::unavailable, "every uid of the range is in use (container.uid_count)");
    worker.uid = *uid;
  }
  slot.workers[function.id] = worker;
  runtime::WorkerSpec spec;
  spec.function = function.key;
  spec.type = worker_type(*function.runtime->worker);
  spec.uid = worker.uid;
  spec.memory_limit = function.action.limits.memory;
  spec.threads = config.torch_threads;
  if (!function.model_relative.empty()) spec.model_path = slot.container->model_path(function.model_relative);
  return spec;
}

void Invoker::Impl::release_worker(Slot& slot, core::FunctionId id) {
  const auto found = slot.workers.find(id);
  if (found == slot.workers.end()) return;
  if (found->second.uid != 0) uids.give_back(found->second.uid);
  slot.workers.erase(found);
}

void Invoker::Impl::release_workers_but(Slot& slot, std::optional<core::FunctionId> kept) {
  std::vector<core::FunctionId> gone;
  for (const auto& [id, worker] : slot.workers) {
    if (id != kept) gone.push_back(id);
  }
  for (const core::FunctionId id : gone) release_worker(slot, id);
}

}  // namespace instainfer::invoker
