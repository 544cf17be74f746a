#include "manager/manager.hpp"

#include <unistd.h>

#include <chrono>

#include "instainfer/base/encoding.hpp"
#include "process/processes.hpp"

namespace instainfer::runtime {

namespace {

using Json = nlohmann::json;

TimePoint now() {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::string micros(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

/// OpenWhisk's own words (contract 4.6, 4.8): users and tools know them.
constexpr std::string_view kCommandExited = "command exited";
constexpr std::string_view kMemoryExhausted = "The action exhausted its memory and was aborted.";
constexpr std::string_view kInitializedTwice = "Cannot initialize the action more than once.";
constexpr std::string_view kNotHere = "is not in this container; preload or initialise it first";

/// Counts a request that keeps the container busy.
class Busy {
 public:
  explicit Busy(int& count) : count_(count) { ++count_; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { --count_; }

 private:
  int& count_;
};

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return 400;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
    case ErrorCode::already_exists:
    case ErrorCode::cancelled:
      return 409;
    case ErrorCode::unavailable:
    case ErrorCode::too_large:
      return 502;
    default:
      return 500;
  }
}

Answer error_answer(const Error& error) {
  return runtime::error_answer(status_of(error.code), error.message);
}

Result<std::string> function_in(const Json& body) {
  const auto member = body.find("function");
  if (member == body.end() || !member->is_string()) {
    return fail(ErrorCode::invalid_argument, "the request must be an object with a string member `function`");
  }
  return member->get<std::string>();
}

/// The sentence in a worker's {"error": ...}, or the whole text.
std::string sentence_in(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("error")) return body;
  const Json& error = json["error"];
  return error.is_string() ? error.get<std::string>() : error.dump();
}

}  // namespace

Answer error_answer(int status, std::string_view sentence) {
  return {status, Json{{"error", to_valid_utf8(sentence)}}.dump(), {}};
}

Manager::Manager(ManagerSettings settings, Background& background, Children& children, Spawner& python,
                 Spawner& torchscript, Sink& standard_output, Sink& standard_error)
    : settings_(std::move(settings)),
      background_(background),
      children_(children),
      python_(python),
      torchscript_(torchscript),
      standard_output_(standard_output),
      standard_error_(standard_error),
      changed_(background.executor()) {
}

Task<Answer> Manager::init(Json body) {
  const TimePoint received = now();
  const auto worker_json = body.find("worker");
  const auto value = body.find("value");
  if (worker_json == body.end() || value == body.end() || !value->is_object()) {
    co_return error_answer(400, "/init needs the members `value`, an object, and `worker`");
  }
  auto spec = worker_spec_from_json(*worker_json);
  if (!spec) co_return error_answer(spec.error());
  if (!owner_.empty() && find(owner_) != nullptr) co_return error_answer(403, kInitializedTwice);
  if (value->value("code", Json("")) == "" && spec->model_path.empty()) {
    co_return error_answer(403, "Missing main/no code to execute.");
  }
  if (busy()) co_return error_answer(409, "the container is busy with another request");
  const Busy busy(running_);
  if (auto clean = co_await clear_all_but(""); !clean) co_return error_answer(clean.error());
  const std::string function = spec->function;
  auto started = co_await start(*spec, *value);
  if (!started) co_return error_answer(started.error());
  const WorkerPtr worker = *started;
  owner_ = function;
  make_active(*worker);
  co_await wait_until_loaded(worker);
  if (worker->load_error) {
    finish_output(worker);
    co_return failure_of(*worker, *worker->load_error);
  }
  worker->memory.update(processes_of(*worker));
  Answer answer{200, "{\"ok\":true}\n", {}};
  answer.headers.emplace_back(kLoadMicrosHeader, micros(now() - received));
  answer.headers.emplace_back(kMemoryHeader, std::to_string(worker->memory.value().count));
  co_return answer;
}

Task<Answer> Manager::run(Json body) {
  const TimePoint received = now();
  if (!body.is_object() || !body.contains("value")) co_return error_answer(400, "/run needs the member `value`");
  std::string function = owner_;
  if (body.contains("function")) {
    auto named = function_in(body);
    if (!named) co_return error_answer(named.error());
    function = *std::move(named);
    body.erase("function");
  }
  if (function.empty()) co_return error_answer(500, "Cannot run: the container has not been initialized.");
  if (busy()) co_return error_answer(409, "the container is busy with another request");
  const Busy busy(running_);
  while (starting_.contains(function)) co_await changed_.wait();
  const WorkerPtr worker = find(function);
  if (worker == nullptr) co_return error_answer(404, "function " + function + " " + std::string(kNotHere));
  owner_ = function;
  make_active(*worker);
  // For the owner too: others may have been preloaded beside it while it was idle.
  if (auto alone = co_await clear_all_but(function); !alone) co_return error_answer(alone.error());
  while (sentinels_pending_) co_await changed_.wait();
  const TimePoint load_began = now();
  ++waiting_runs_[function];
  co_await wait_until_loaded(worker);
  if (--waiting_runs_[function] == 0) waiting_runs_.erase(function);
  const Duration waited = now() - load_began;
  if (worker->load_error) {
    finish_output(worker);
    co_return failure_of(*worker, *worker->load_error);
  }
  Answer answer =
      co_await hand_over(worker, body.dump(-1, ' ', false, Json::error_handler_t::replace), received + waited);
  answer.headers.emplace_back(kLoadMicrosHeader, micros(waited));
  co_return answer;
}

Task<Answer> Manager::hand_over(WorkerPtr worker, std::string request, TimePoint received) {
  worker->state = WorkerState::running;
  const TimePoint handed = now();
  auto result = co_await worker->exchange(std::move(request));
  const TimePoint answered = now();
  worker->state = WorkerState::ready;
  finish_output(worker);
  if (!result) {
    if (!worker->ended()) discard({worker}, result.error().message);
    co_return failure_of(*worker, result.error());
  }
  Answer answer{result->status, std::move(result->body), {}};
  answer.headers.emplace_back(kHandoffMicrosHeader, micros(handed - received));
  answer.headers.emplace_back(kRunMicrosHeader, micros(answered - handed));
  // As last measured, during this run or the one before: looking takes milliseconds that the caller should not wait
  // for.
  answer.headers.emplace_back(kMemoryHeader, std::to_string(worker->memory.value().count));
  co_return answer;
}

Task<Answer> Manager::preload(Json body) {
  const TimePoint received = now();
  auto request = preload_request_from_json(body);
  if (!request) co_return error_answer(request.error());
  if (busy()) co_return error_answer(409, "the container is busy with a request; nothing is preloaded beside it");
  // Nobody waits for a preload, so it pays for the first inference; behind an /init somebody waits for the second one.
  request->init["warm_up"] = true;
  auto started = co_await start(request->worker, std::move(request->init));
  if (!started) co_return error_answer(started.error());
  const WorkerPtr worker = *started;
  co_await wait_until_loaded(worker);
  if (worker->load_error) co_return failure_of(*worker, *worker->load_error);
  worker->memory.update(processes_of(*worker));
  const std::string output = worker->standard_output().ring() + worker->standard_error().ring();
  constexpr std::size_t output_limit = 8 * 1024;
  const PreloadReport report{.took = now() - received,
                             .memory = worker->memory.value(),
                             .output = to_valid_utf8(std::string_view(output).substr(0, output_limit))};
  co_return Answer{200, to_json(report).dump(), {}};
}

Task<Answer> Manager::offload(Json body) {
  auto function = function_in(body);
  if (!function) co_return error_answer(function.error());
  while (starting_.contains(*function)) co_await changed_.wait();
  const WorkerPtr worker = find(*function);
  if (worker == nullptr) co_return error_answer(404, "function " + *function + " " + std::string(kNotHere));
  if (worker->state == WorkerState::running || waiting_runs_.contains(*function)) {
    co_return error_answer(409, "function " + *function + " is running; it can be offloaded afterwards");
  }
  discard({worker}, "offloaded");
  if (owner_ == *function) owner_.clear();
  if (auto clean = co_await all_clean(); !clean) co_return error_answer(clean.error());
  co_return Answer{200, "{\"ok\":true}", {}};
}

Answer Manager::status() {
  measure();
  StatusReport report;
  report.owner = owner_;
  report.isolated = settings_.isolated;
  report.libraries_ready = python_.ready() && torchscript_.ready();
  std::vector<pid_t> own{getpid()};
  if (const pid_t helper = torchscript_.helper(); helper > 0) own.push_back(helper);
  report.memory = own_memory_.update(own);
  for (const auto& [function, worker] : workers_) {
    report.workers.push_back({function, worker->state, worker->memory.value()});
    report.memory += worker->memory.value();
  }
  report.deaths = std::exchange(deaths_, {});
  return {200, to_json(report).dump(), {}};
}

void Manager::abandon_preload(const std::string& function) {
  if (waiting_runs_.contains(function)) return;
  if (starting_.contains(function)) {
    abandoned_.insert(function);
    return;
  }
  const WorkerPtr worker = find(function);
  if (worker != nullptr && worker->state == WorkerState::loading && function != owner_) {
    discard({worker}, "its preload was cancelled by the caller");
  }
}

Task<Result<void>> Manager::clear_all_but(std::string function) {
  for (const std::string& name : starting_) {
    if (name != function) abandoned_.insert(name);
  }
  std::vector<WorkerPtr> others;
  for (const auto& [name, other] : workers_) {
    if (name != function) others.push_back(other);
  }
  discard(std::move(others), "made way for " + (function.empty() ? "a new owner" : function));
  while (!abandoned_.empty()) co_await changed_.wait();
  co_return co_await all_clean();
}

Task<void> Manager::wait_until_loaded(WorkerPtr worker) {
  while (worker->state == WorkerState::loading && !worker->load_error) co_await worker->changed().wait();
}

Answer Manager::failure_of(const Worker& worker, const Error& error) const {
  if (worker.why().starts_with("exceeded")) return error_answer(502, kMemoryExhausted);
  if (worker.state != WorkerState::loading) {
    return worker.ended() && error.code == ErrorCode::unavailable ? error_answer(400, kCommandExited)
                                                                  : error_answer(error);
  }
  if (error.code == ErrorCode::unavailable) {
    return error_answer(502, "The action did not initialize: its process " + error.message + ".");
  }
  // The worker's own words; anything else is a failure of ours.
  return error.code == ErrorCode::invalid_argument ? error_answer(502, sentence_in(error.message))
                                                   : error_answer(error);
}

Manager::WorkerPtr Manager::find(const std::string& function) const {
  const auto found = workers_.find(function);
  return found == workers_.end() ? nullptr : found->second;
}

}  // namespace instainfer::runtime
