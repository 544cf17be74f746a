// How workers are started, activated, watched, killed and wiped.
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <filesystem>

#include "manager/manager.hpp"
#include "process/processes.hpp"
#include "process/wipe.hpp"

namespace instainfer::runtime {

namespace {

constexpr auto kMemoryPoll = std::chrono::milliseconds(150);
/// The kernel may need this long to take down a large process of a busy machine; the wipe's own limit counts from
/// there.
constexpr auto kExitLimit = std::chrono::seconds(5);
constexpr auto kKillPoll = std::chrono::milliseconds(2);
constexpr std::string_view kAbandoned = "the preload was cancelled, by its caller or by a request to this container";

Task<void> pause_for(Duration duration) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, duration);
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

bool is_below(const std::filesystem::path& path, const std::filesystem::path& root) {
  const auto relative = path.lexically_relative(root);
  return !relative.empty() && *relative.begin() != ".." && relative != ".";
}

}  // namespace

Result<void> Manager::check(const WorkerSpec& spec) const {
  const auto refuse = [](std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); };
  if (!unclean_.empty()) return fail(ErrorCode::internal, unclean_);
  if (workers_.contains(spec.function) || starting_.contains(spec.function)) {
    return fail(ErrorCode::already_exists, "function " + spec.function + " is already in this container");
  }
  if (settings_.isolated && spec.uid == 0)
    return refuse("worker: member `uid` must not be 0 where users can be switched");
  if (!settings_.isolated && spec.uid != 0) {
    return refuse("worker: member `uid` must be 0: this manager may not switch users");
  }
  for (const auto& [name, other] : workers_) {
    if (spec.uid != 0 && other->spec().uid == spec.uid) {
      return refuse("worker: uid " + std::to_string(spec.uid) + " is in use by function " + name);
    }
  }
  if (spec.model_path.empty()) return {};
  if (settings_.models.empty()) return refuse("worker: there is no model repository here, so no `model_path`");
  std::error_code ignored;
  const auto real = std::filesystem::weakly_canonical(spec.model_path, ignored);
  if (!is_below(real, settings_.models)) return refuse("worker: model_path must be a file below the model repository");
  return {};
}

Result<std::string> Manager::make_directory(const WorkerSpec& spec) const {
  const std::string name = spec.uid != 0 ? std::to_string(spec.uid) : spec.function;
  const std::string path = (settings_.work / name).string();
  remove_tree(path);
  if (mkdir(path.c_str(), 0700) != 0) return fail(errno_error("make the worker's directory " + path));
  if (spec.uid != 0 && chown(path.c_str(), spec.uid, spec.uid) != 0) return fail(errno_error("chown " + path));
  return path;
}

Task<Result<Manager::WorkerPtr>> Manager::start(WorkerSpec spec, nlohmann::json init) {
  if (auto allowed = check(spec); !allowed) co_return fail(allowed.error());
  starting_.insert(spec.function);
  Result<void> may = co_await all_clean();
  if (may && abandoned_.contains(spec.function)) may = fail(ErrorCode::cancelled, std::string(kAbandoned));
  if (!may) {
    starting_.erase(spec.function);
    abandoned_.erase(spec.function);
    changed_.notify();
    co_return fail(may.error());
  }
  auto directory = make_directory(spec);
  Result<SpawnedWorker> process = fail(ErrorCode::internal, "");
  const auto slot = std::make_shared<std::weak_ptr<Worker>>();
  if (directory) {
    Spawner& spawner = spec.type == WorkerType::python ? python_ : torchscript_;
    process = co_await spawner.spawn(
        spec, *directory, [this, slot, function = spec.function](int status) { on_exit(function, *slot, status); });
  }
  starting_.erase(spec.function);
  const bool abandoned = abandoned_.erase(spec.function) > 0;
  changed_.notify();
  if (!directory) co_return fail(directory.error());
  if (!process) co_return fail(process.error());
  const auto worker = std::make_shared<Worker>(background_.executor(), spec, *directory, *std::move(process));
  *slot = worker;
  workers_[spec.function] = worker;
  background_.spawn(worker->pump_output());
  background_.spawn(worker->pump_errors());
  background_.spawn(load(worker, std::move(init)));
  if (abandoned) abandon_preload(spec.function);
  co_return worker;
}

Task<void> Manager::load(WorkerPtr worker, nlohmann::json init) {
  std::string line = init.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  init = nullptr;
  auto answer = co_await worker->exchange(std::move(line));
  // Who waits sees only the outcome below; all of what it printed while loading is with it.
  co_await worker->standard_output().flush();
  co_await worker->standard_error().flush();
  if (!answer) {
    worker->load_error = answer.error();
  } else if (answer->status != 200) {
    worker->load_error = Error{ErrorCode::invalid_argument, answer->body};
  } else {
    worker->state = WorkerState::ready;
  }
  if (worker->load_error && !worker->ended()) discard({worker}, "failed to initialise");
  worker->changed().notify();
  measure();
}

void Manager::make_active(Worker& worker) {
  worker.standard_output().direct_to(standard_output_);
  worker.standard_error().direct_to(standard_error_);
}

void Manager::finish_output(WorkerPtr worker) {
  sentinels_pending_ = true;
  background_.spawn(write_sentinels(std::move(worker)));
}

Task<void> Manager::write_sentinels(WorkerPtr worker) {
  const std::string line = std::string(kLogSentinel) + "\n";
  co_await worker->standard_output().flush();
  co_await standard_output_.write(line);
  co_await worker->standard_error().flush();
  co_await standard_error_.write(line);
  sentinels_pending_ = false;
  changed_.notify();
}

void Manager::on_exit(const std::string& function, std::weak_ptr<Worker> exited, int wait_status) {
  const WorkerPtr worker = exited.lock();
  if (worker == nullptr) return;
  const bool was_idle = worker->state == WorkerState::ready;
  if (!worker->ended() && was_idle) deaths_.push_back({function, describe_exit(wait_status)});
  worker->confirm_exit();
  changed_.notify();
  discard({worker}, describe_exit(wait_status));
}

void Manager::discard(std::vector<WorkerPtr> workers, const std::string& why) {
  std::erase_if(workers, [this](const WorkerPtr& worker) { return find(worker->spec().function) != worker; });
  if (workers.empty()) return;
  // All signals first: their processes end side by side.
  for (const WorkerPtr& worker : workers) {
    if (!worker->exit_confirmed()) kill(worker->pid(), SIGKILL);
    workers_.erase(worker->spec().function);
  }
  for (const WorkerPtr& worker : workers) {
    spdlog::info("function {} ends: {}", worker->spec().function, why);
    worker->end(why);
    discarded_.push_back(worker);
  }
  background_.spawn(dispose(std::move(workers)));
}

Task<void> Manager::dispose(std::vector<WorkerPtr> workers) {
  bool clean = co_await (settings_.isolated ? wipe_users(workers) : kill_trees(workers));
  std::string names;
  for (const WorkerPtr& worker : workers) {
    clean = remove_tree(worker->directory()) && clean;
    names += (names.empty() ? "" : ", ") + worker->spec().function;
    std::erase(discarded_, worker);
  }
  if (!clean) {
    spdlog::error("{} did not come clean", names);
    unclean_ = "what was left behind by " + names + " could not be removed; this container must go";
  }
  changed_.notify();
}

Task<bool> Manager::wipe_users(std::vector<WorkerPtr> workers) {
  std::vector<WipeTarget> targets;
  for (const WorkerPtr& worker : workers) targets.push_back({worker->spec().uid, worker->directory()});
  auto helper = start_wipe(targets);
  if (!helper) co_return false;
  auto result = std::make_shared<std::optional<int>>();
  children_.watch(*helper, [this, result](int status) {
    *result = status;
    changed_.notify();
  });
  using namespace boost::asio::experimental::awaitable_operators;
  const auto now = [] { return TimePoint(std::chrono::steady_clock::now().time_since_epoch()); };
  const auto gone = [&workers] {
    return std::all_of(workers.begin(), workers.end(), [](const WorkerPtr& one) { return one->exit_confirmed(); });
  };
  TimePoint deadline = now() + kExitLimit;
  bool exiting = true;
  while (!result->has_value() || !gone()) {
    if (exiting && gone()) {
      exiting = false;
      deadline = now() + kWipeLimit;
    }
    const Duration left = deadline - now();
    if (left <= Duration::zero()) {
      kill(*helper, SIGKILL);
      co_return false;
    }
    co_await (changed_.wait() || pause_for(left));
  }
  co_return WIFEXITED(result->value()) && WEXITSTATUS(result->value()) == 0;
}

Task<bool> Manager::kill_trees(std::vector<WorkerPtr> workers) {
  const auto deadline = std::chrono::steady_clock::now() + kExitLimit;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto processes = list_processes();
    bool gone = true;
    for (const WorkerPtr& worker : workers) {
      const auto alive = process_tree(processes, worker->pid());
      for (const pid_t pid : alive) kill(pid, SIGKILL);
      gone = gone && alive.empty() && worker->exit_confirmed();
    }
    if (gone) co_return true;
    co_await pause_for(kKillPoll);
  }
  co_return false;
}

Task<Result<void>> Manager::all_clean() {
  while (!discarded_.empty()) co_await changed_.wait();
  if (!unclean_.empty()) co_return fail(ErrorCode::internal, unclean_);
  co_return Result<void>{};
}

std::vector<pid_t> Manager::processes_of(const Worker& worker) const {
  const std::uint32_t uid = worker.spec().uid;
  return uid != 0 ? processes_of_users({uid}) : process_tree(list_processes(), worker.pid());
}

void Manager::measure() {
  std::vector<WorkerPtr> over;
  for (const auto& [function, worker] : workers_) {
    const auto pids = processes_of(*worker);
    // One that loads or runs moves all the time: it is walked only if it could be over its limit.
    const bool settled = worker->state == WorkerState::ready;
    if (!settled && MemoryGauge::resident(pids) <= worker->spec().memory_limit) continue;
    if (worker->memory.update(pids) > worker->spec().memory_limit) over.push_back(worker);
  }
  for (const WorkerPtr& worker : over) {
    const std::string why = "exceeded " + to_string(worker->spec().memory_limit);
    if (worker->state == WorkerState::ready) deaths_.push_back({worker->spec().function, why});
    discard({worker}, why);
  }
}

Task<void> Manager::watch_memory() {
  bool watched = false;
  for (;;) {
    co_await pause_for(kMemoryPoll);
    const bool active = std::any_of(workers_.begin(), workers_.end(),
                                    [](const auto& entry) { return entry.second->state != WorkerState::ready; });
    if (active || watched) measure();  // once more after the last one became idle
    watched = active;
  }
}

}  // namespace instainfer::runtime
