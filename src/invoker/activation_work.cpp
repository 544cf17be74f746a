// One activation from its message to its record (contract sections 2.3 to 2.5, 3.5, 3.6 and 4).

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "driver.hpp"
#include "node_clock.hpp"
#include "requests.hpp"

namespace instainfer::invoker {
namespace asio = boost::asio;
using namespace std::chrono_literals;
using openwhisk::StatusCode;

/// An activation in the container that the core chose for it.
struct Run {
  core::StartActivation command;
  std::shared_ptr<ActiveJob> job;
  std::shared_ptr<Slot> slot;
  Outcome outcome;
  EpochMillis deadline{};
  bool initialised = false;     ///< an init of ours succeeded
  Bytes loaded;                 ///< what that init added
  Duration execution{};
  Bytes worker_memory;
};

namespace {

constexpr int kStoreAttempts = 6;
constexpr auto kStoreRetryFirst = 100ms;  // doubled each time: 6.3 s in all

bool is_usable_after(const Outcome& outcome) {
  return outcome.response.status == StatusCode::success || outcome.response.status == StatusCode::application_error;
}

/// In our own containers the manager survives and answers for a worker that the kernel killed for memory; a stock image's
/// connection breaks instead (contract 4.5).
void tell_exhausted_memory(openwhisk::ContainerAnswer& answer, const container::Container& container) {
  using Kind = openwhisk::ContainerAnswer::Kind;
  const bool failed = answer.kind == Kind::answered && answer.http_status != 200;
  if (failed && container.out_of_memory()) answer.kind = Kind::memory_exhausted;
}

bool was_in_time(std::chrono::milliseconds limit, Duration took) {
  return took < limit;
}

}  // namespace

Task<Result<std::shared_ptr<const openwhisk::Action>>> Invoker::Impl::fetch_action(openwhisk::ActivationMessage message) {
  auto& cached = actions[message.action.qualified()];
  if (cached != nullptr && !message.revision.empty() && cached->revision == message.revision) co_return cached;
  auto stored = co_await deps.entities.get_action(message.action);
  if (!stored) co_return fail(stored.error());
  auto action = std::make_shared<const openwhisk::Action>(std::move(*stored));
  actions[message.action.qualified()] = action;
  co_return action;
}

Task<void> Invoker::Impl::admit(openwhisk::ActivationMessage message) {
  const TimePoint received = node_now();
  const auto action = co_await fetch_action(message);
  if (!action) {
    const bool missing = action.error().code == ErrorCode::not_found;
    fail_before_container(message, nullptr, StatusCode::whisk_error,
                          missing ? "Action could not be found or may have been deleted." : "Action could not be fetched.");
    co_return;
  }
  const auto interned = functions.intern(message.user.ns, **action);
  if (!interned) {
    fail_before_container(message, action->get(), StatusCode::whisk_error, interned.error().message);
    co_return;
  }
  add_function(*interned);
  if (interned->function->unusable) {
    fail_before_container(message, action->get(), StatusCode::developer_error, interned->function->unusable->message);
    co_return;
  }
  const core::ActivationKey key{++next_activation};
  auto job = std::make_shared<ActiveJob>(ActiveJob{std::move(message), interned->function, received});
  jobs[key] = job;
  profiles.touch(job->function->id);
  tell(core::ActivationArrived{key, job->function->id});
}

Task<void> Invoker::Impl::run(core::StartActivation command) {
  const auto found = jobs.find(command.activation);
  auto slot = slot_of(command.container);
  if (found == jobs.end() || slot == nullptr) {
    measures.internal_error();
    log->error("the core started an activation that is not there: {}", command.activation.value);
    co_return;
  }
  auto run = std::make_shared<Run>();
  run->command = command;
  run->job = found->second;
  run->slot = slot;
  run->deadline = epoch_now() + run->job->function->action.limits.timeout;
  run->outcome.start = command.start;
  run->outcome.level = command.level;
  run->outcome.memory_wait = command.waited_for_memory;
  run->outcome.work_start = epoch_now();
  ++slot->active;
  slot->own = command.function;
  log->debug("[#tid_{}] containerStart containerState: {} container: {} action: {} namespace: {} activationId: {}",
             run->job->message.transaction.id, to_string(command.start), slot->name,
             run->job->function->action.name.name, run->job->function->ns, run->job->message.activation_id);

  if (slot->removing) co_return give_back(std::move(run));  // cut off by a shutdown
  if (command.resume_first) {
    const auto resumed = co_await slot->container->resume();
    if (!resumed) co_return give_back(std::move(run));
    slot->paused = false;
  }
  if (command.init && !co_await initialise(run)) co_return co_await conclude(std::move(run));
  if (!co_await execute(run)) co_return give_back(std::move(run));
  co_await conclude(std::move(run));
}

void Invoker::Impl::give_back(std::shared_ptr<Run> run) {
  --run->slot->active;
  log->warn("[#tid_{}] Ready warm container unhealthy, will retry activation. container: {} activationId: {}",
            run->job->message.transaction.id, run->slot->name, run->job->message.activation_id);
  tell(core::ActivationReturned{run->command.activation, run->command.container});
}

Task<bool> Invoker::Impl::initialise(std::shared_ptr<Run> run) {
  const Function& function = *run->job->function;
  const auto limit = function.action.limits.timeout;
  Outcome& outcome = run->outcome;
  outcome.work_start = outcome.run_start = epoch_now();
  auto worker = new_worker(*run->slot, function);
  if (!worker) {
    outcome.response = {StatusCode::whisk_error, openwhisk::Json{{"error", worker.error().message}}, {}};
    outcome.end = epoch_now();
    co_return false;
  }
  auto body = init_body(function, run->job->message, run->deadline, *worker);
  auto exchange = co_await run->slot->container->init(std::move(body), limit, config.limits.max_result);
  tell_exhausted_memory(exchange.answer, *run->slot->container);
  outcome.end = epoch_now();
  outcome.init = exchange.took;
  outcome.response = openwhisk::init_response(
      exchange.answer, std::chrono::duration_cast<std::chrono::milliseconds>(exchange.took), limit);
  outcome.timed_out = !was_in_time(limit, exchange.took);
  run->initialised = outcome.response.status == StatusCode::success;
  run->loaded = exchange.memory;
  co_return run->initialised;
}

Task<bool> Invoker::Impl::execute(std::shared_ptr<Run> run) {
  const Function& function = *run->job->function;
  const auto limit = function.action.limits.timeout;
  Outcome& outcome = run->outcome;
  tell(core::ActivationStarted{run->command.activation, run->command.container,
                               run->initialised ? outcome.init : std::nullopt, run->loaded});
  const TimePoint begun = node_now();
  const EpochMillis wall_begun = epoch_now();
  auto body = run_body(function, run->job->message, run->deadline);
  auto exchange = co_await run->slot->container->run(std::move(body), limit, config.limits.max_result);
  tell_exhausted_memory(exchange.answer, *run->slot->container);
  if (exchange.answer.unhealthy() && !run->initialised) co_return false;

  outcome.end = epoch_now();
  outcome.run_start = wall_begun + std::chrono::duration_cast<std::chrono::milliseconds>(exchange.load);
  if (!run->initialised) outcome.work_start = wall_begun;
  if (run->command.start == core::StartType::preloading) outcome.init = exchange.load;
  outcome.response = openwhisk::run_response(
      exchange.answer, std::chrono::duration_cast<std::chrono::milliseconds>(exchange.took), limit);
  outcome.timed_out = !was_in_time(limit, exchange.took);
  if (exchange.answer.kind == openwhisk::ContainerAnswer::Kind::answered) {
    const TimePoint handed_over = begun + exchange.load + exchange.handoff;
    outcome.run = exchange.run;
    outcome.loading = std::max<Duration>(Duration{}, handed_over - run->job->received - outcome.memory_wait);
    // A 200 tells that the promotion's wipes were confirmed. After anything else the container goes, and the uids of its
    // workers stay taken until it is gone.
    if (exchange.answer.http_status == 200) release_workers_but(*run->slot, run->command.function);
  }
  run->execution = exchange.run > Duration{} ? exchange.run : exchange.took;
  run->worker_memory = exchange.memory;
  co_return true;
}

Task<void> Invoker::Impl::conclude(std::shared_ptr<Run> run) {
  const openwhisk::ActivationMessage& message = run->job->message;
  const Function& function = *run->job->function;
  openwhisk::Activation record = make_record(function, message, run->outcome);
  const Bytes log_limit = function.action.limits.logs;
  const bool collects = log_limit > Bytes{};
  if (message.blocking || !collects) acknowledge(message, record, message.blocking, !collects);

  bool logs_complete = true;
  if (collects) {
    const bool wait_for_sentinels = run->outcome.response.status != StatusCode::developer_error;
    auto logs = co_await run->slot->container->collect_logs(log_limit, wait_for_sentinels);
    record.logs = std::move(logs.lines);
    logs_complete = logs.complete;
    acknowledge(message, record, false, true);
  }
  measures.activation_done(run->outcome, run->execution);
  --run->slot->active;
  profiles.touch(function.id);
  core::ActivationFinished finished;
  finished.activation = run->command.activation;
  finished.container = run->command.container;
  finished.container_usable = is_usable_after(run->outcome) && logs_complete;
  finished.execution = run->execution;
  if (run->worker_memory > Bytes{}) finished.container_used = run->slot->base + run->worker_memory;
  jobs.erase(run->command.activation);
  tell(finished);
  if (jobs.empty()) idle_signal.cancel();
  co_await store_record(std::move(record), message.user.limits.store_activations.value_or(true));
}

Task<void> Invoker::Impl::store_record(openwhisk::Activation record, bool wanted) {
  if (!wanted) co_return;
  auto wait = kStoreRetryFirst;
  for (int attempt = 1;; ++attempt) {
    openwhisk::Activation copy = record;
    const auto stored = co_await deps.activations.put(std::move(copy));
    if (stored) {
      measures.record_stored();
      co_return;
    }
    if (attempt == kStoreAttempts || stopping) {
      measures.record_lost();
      log->error("failed to record activation {} with error {}", record.activation_id, stored.error().message);
      co_return;
    }
    log->warn("activation {} is not recorded yet, will retry: {}", record.activation_id, stored.error().message);
    asio::steady_timer timer(executor, wait);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    wait *= 2;
  }
}

void Invoker::Impl::fail_before_container(const openwhisk::ActivationMessage& message, const openwhisk::Action* action,
                                          StatusCode status, const std::string& error) {
  measures.failed_before_container();
  log->warn("[#tid_{}] activation {} of {} failed before a container: {}", message.transaction.id,
            message.activation_id, message.action.qualified(), error);
  openwhisk::Activation record = make_failed_record(message, action, status, error, epoch_now());
  acknowledge(message, record, true, true);
  tasks.spawn(store_record(std::move(record), message.user.limits.store_activations.value_or(true)));
}

void Invoker::Impl::acknowledge(const openwhisk::ActivationMessage& message, const openwhisk::Activation& record,
                                bool with_result, bool completion) {
  openwhisk::Acknowledgement ack;
  ack.transaction = message.transaction;
  ack.activation_id = message.activation_id;
  ack.completion = completion;
  ack.system_error = record.response.status == StatusCode::whisk_error;
  if (with_result && message.blocking) {
    ack.activation = record;
    ack.activation->logs.clear();
  }
  deps.bus.acknowledge(std::move(ack));
}

}  // namespace instainfer::invoker
