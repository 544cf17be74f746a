#include "managed_container.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <cctype>
#include <fstream>

#include "async_process.hpp"
#include "borrowed_descriptor.hpp"
#include "instainfer/base/encoding.hpp"
#include "instainfer/base/files.hpp"

namespace instainfer::container {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace {

constexpr auto kStatusLimit = std::chrono::seconds(5);
constexpr auto kReadyPoll = std::chrono::milliseconds(2);
constexpr auto kOomWait = std::chrono::milliseconds(200);
constexpr auto kOomPoll = std::chrono::milliseconds(5);  // the invoker contract's own pace (4.5)
constexpr std::size_t kMaxName = 128;

using Clock = std::chrono::steady_clock;

std::string last_line_of(const fs::path& file) {
  std::string text = read_file(file, Bytes{1 << 20}).value_or("");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

bool has_ended(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

struct ExitWatch::State : std::enable_shared_from_this<ExitWatch::State> {
  State(const asio::any_io_executor& executor, int pidfd, std::function<void()> callback)
      : descriptor(executor, pidfd), on_exit(std::move(callback)) {}

  void wait() {
    descriptor.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || !self->on_exit) return;
      if (!self->descriptor.is_readable()) return self->wait();
      // It may destroy the watch, so nothing of it is touched afterwards.
      const auto callback = std::exchange(self->on_exit, nullptr);
      callback();
    });
  }

  BorrowedDescriptor descriptor;
  std::function<void()> on_exit;
};

ExitWatch::ExitWatch(const asio::any_io_executor& executor, int pidfd, std::function<void()> on_exit)
    : state_(std::make_shared<State>(executor, pidfd, std::move(on_exit))) {
  state_->wait();
}

void ExitWatch::disarm() {
  state_->on_exit = nullptr;
  state_->descriptor.release();
}

Result<OutputPipes> OutputPipes::make() {
  int output[2], errors[2];
  if (::pipe2(output, O_CLOEXEC) != 0) return fail(errno_error("pipe"));
  OutputPipes pipes;
  pipes.read_output.reset(output[0]);
  pipes.write_output.reset(output[1]);
  if (::pipe2(errors, O_CLOEXEC) != 0) return fail(errno_error("pipe"));
  pipes.read_errors.reset(errors[0]);
  pipes.write_errors.reset(errors[1]);
  return pipes;
}

ManagedContainer::ManagedContainer(const asio::any_io_executor& executor, StartedManager manager)
    : executor_(executor),
      name_(std::move(manager.name)),
      pidfd_(std::move(manager.pidfd)),
      log_(manager.socket.parent_path() / "manager.log"),
      client_(std::move(manager.socket), std::move(manager.token)),
      logs_(executor, std::move(manager.output), std::move(manager.errors)) {
}

Task<Container::Exchange> ManagedContainer::post(std::string target, nlohmann::json body, Duration limit,
                                                 Bytes max_body, ManagerClient::WhenRefused when_refused) {
  auto exchange = co_await client_.exchange(std::move(target), std::move(body), limit, max_body, when_refused);
  if (exchange.answer.kind != openwhisk::ContainerAnswer::Kind::connection_error) co_return exchange;
  // The connection breaks before the kernel has counted the kill.
  const auto deadline = Clock::now() + kOomWait;
  while (!out_of_memory() && Clock::now() < deadline) co_await sleep_for(kOomPoll);
  if (out_of_memory()) exchange.answer.kind = openwhisk::ContainerAnswer::Kind::memory_exhausted;
  co_return exchange;
}

void ManagedContainer::want_cpu_weight(CpuWeight weight) {
  if (weight == cpu_weight_) return;
  cpu_weight_ = weight;
  set_cpu_weight(weight);
}

Task<Container::Exchange> ManagedContainer::init(nlohmann::json body, Duration limit, Bytes max_body) {
  want_cpu_weight(CpuWeight::full);
  co_return co_await post("/init", std::move(body), limit, max_body, ManagerClient::WhenRefused::retry);
}

Task<Container::Exchange> ManagedContainer::run(nlohmann::json body, Duration limit, Bytes max_body) {
  want_cpu_weight(CpuWeight::full);
  co_return co_await post("/run", std::move(body), limit, max_body, ManagerClient::WhenRefused::give_up);
}

Task<Result<runtime::PreloadReport>> ManagedContainer::preload(runtime::PreloadRequest request, Duration limit) {
  want_cpu_weight(CpuWeight::least);
  auto body = runtime::to_json(request);
  const auto answer = co_await client_.control("POST", "/preload", std::move(body), limit);
  if (!answer) co_return fail(answer.error());
  co_return runtime::preload_report_from_json(*answer);
}

Task<Result<void>> ManagedContainer::offload(std::string function, Duration limit) {
  nlohmann::json body = {{"function", std::move(function)}};
  const auto answer = co_await client_.control("POST", "/offload", std::move(body), limit);
  if (!answer) co_return fail(answer.error());
  co_return Result<void>();
}

Task<Result<runtime::StatusReport>> ManagedContainer::status() {
  nlohmann::json no_body;
  const auto answer = co_await client_.control("GET", "/status", std::move(no_body), kStatusLimit);
  if (!answer) co_return fail(answer.error());
  co_return runtime::status_report_from_json(*answer);
}

Task<CollectedLogs> ManagedContainer::collect_logs(Bytes limit, bool wait_for_sentinels) {
  co_return co_await logs_.collect(limit, wait_for_sentinels);
}

Task<Result<void>> ManagedContainer::wait_until_ready(Duration limit) {
  const auto deadline = Clock::now() + limit;
  while (true) {
    const auto report = co_await status();
    if (report) co_return Result<void>();
    const bool ended = has_ended(pidfd_.get());
    const bool may_come = report.error().code == ErrorCode::unavailable && !ended && Clock::now() < deadline;
    if (may_come) {
      co_await sleep_for(kReadyPoll);
      continue;
    }
    const auto words = co_await logs_.collect(LogReader::kCapacity, false);
    std::string message =
        ended ? "the manager ended before it was ready" : "the manager is not ready: " + report.error().message;
    const auto log = last_line_of(log_);
    if (!log.empty()) message += "; its log: " + log;
    if (!words.lines.empty()) message += "; its last words: " + words.lines.back();
    co_return fail(ErrorCode::internal, name_ + ": " + message);
  }
}

void ManagedContainer::watch(std::function<void()> on_exit) {
  exit_watch_ = std::make_unique<ExitWatch>(executor_, pidfd_.get(), std::move(on_exit));
}

void ManagedContainer::detach() {
  exit_watch_.reset();
  client_.close();
}

Result<ContainerFiles> ContainerFiles::make(const fs::path& parent, const std::string& name) {
  ContainerFiles files;
  files.directory = parent / name;
  files.control = files.directory / "run";
  files.token = random_hex(32);
  for (const auto& directory : {files.directory, files.control}) {
    if (::mkdir(directory.c_str(), 0700) != 0) return fail(errno_error("create " + directory.string()));
  }
  const fs::path token = files.control / runtime::kTokenName;
  const UniqueFd fd(::open(token.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + token.string()));
  const ssize_t written = ::write(fd.get(), files.token.data(), files.token.size());
  if (written != static_cast<ssize_t>(files.token.size())) return fail(errno_error("write " + token.string()));
  return files;
}

Error with_remains(Error failure, const Result<void>& removed) {
  if (!removed) failure.message += "; and its remains could not be removed: " + removed.error().message;
  return failure;
}

Result<void> check_container_name(const std::string& name) {
  const auto accepted = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; };
  const bool good = !name.empty() && name.size() <= kMaxName &&
                    std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
                    std::all_of(name.begin(), name.end(), accepted);
  if (good) return {};
  return fail(ErrorCode::invalid_argument, "container name \"" + name + "\" is not 1 to " + std::to_string(kMaxName) +
                                               " of A-Z a-z 0-9 _ . - with a letter or digit first");
}

std::vector<std::string> manager_arguments(const fs::path& programs, const fs::path& control,
                                           runtime::WorkerType worker, const fs::path& models) {
  std::vector<std::string> line = {(programs / "instainfer-runtime").string(), "--directory", control.string(),
                                   "--worker", std::string(runtime::to_string(worker))};
  if (!models.empty()) line.insert(line.end(), {"--models", models.string()});
  return line;
}

}  // namespace instainfer::container
