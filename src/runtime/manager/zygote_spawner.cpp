#include "manager/zygote_spawner.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "process/confinement.hpp"
#include "process/zygote_protocol.hpp"

namespace instainfer::runtime {

namespace {

constexpr int kExecFailed = 126;

/// Only its socket, its log and an empty environment: what it inherits, every function's process inherits.
[[noreturn]] void become_zygote(const std::string& program, int socket, int log, pid_t manager) {
  const WorkerDescriptors descriptors{.standard_output = log, .standard_error = log, .kept = {socket}};
  if (!arrange_descriptors(descriptors)) _exit(kExecFailed);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != manager) _exit(kExecFailed);
  signal(SIGPIPE, SIG_DFL);
  // One thread until after the fork: libgomp hangs in a child whose parent ran a parallel region.
  std::array<const char*, 8> environment = {
      "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",       "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1",
      "OMP_WAIT_POLICY=passive",           "GLOG_minloglevel=2", kHugePages,          nullptr};
  std::array<const char*, 2> arguments = {program.c_str(), nullptr};
  execve(program.c_str(), const_cast<char**>(arguments.data()), const_cast<char**>(environment.data()));
  dprintf(STDERR_FILENO, "%s cannot be run: %m\n", program.c_str());
  _exit(kExecFailed);
}

}  // namespace

ZygoteSpawner::ZygoteSpawner(Background& background, Children& children, std::filesystem::path program,
                             std::filesystem::path log)
    : background_(background),
      children_(children),
      program_(std::move(program)),
      log_(std::move(log)),
      changed_(background.executor()) {
}

Result<void> ZygoteSpawner::start() {
  wanted_ = true;
  if (socket_) return {};
  if (access(program_.c_str(), X_OK) != 0) return fail(errno_error("the TorchScript worker " + program_.string()));
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return fail(errno_error("socketpair"));
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  const UniqueFd log(open(log_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!log.valid()) return fail(errno_error("open " + log_.string()));
  const pid_t manager = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail(errno_error("fork"));
  if (pid == 0) become_zygote(program_.string(), theirs.get(), log.get(), manager);
  pid_ = pid;
  socket_ = std::make_shared<Socket>(background_.executor(), ours.release());
  background_.spawn(listen(socket_));
  return {};
}

Task<Result<SpawnedWorker>> ZygoteSpawner::spawn(WorkerSpec spec, std::string directory, OnWorkerExit on_exit) {
  if (auto started = start(); !started) co_return fail(started.error());
  auto pipes = make_worker_pipes();
  if (!pipes) co_return fail(pipes.error());
  UniqueFd model;
  std::vector<int> descriptors = {pipes->channel.get(), pipes->standard_output.get(), pipes->standard_error.get()};
  if (!spec.model_path.empty()) {
    model.reset(open(spec.model_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!model.valid()) {
      Error error = errno_error("open the model " + spec.model_path);
      error.code = ErrorCode::not_found;
      co_return fail(error);
    }
    descriptors.push_back(model.get());
  }
  const std::uint64_t request = ++last_request_;
  pending_.emplace(request, Pending{std::move(on_exit), std::nullopt});
  const nlohmann::json message = {
      {"spawn", request}, {"uid", spec.uid}, {"directory", directory}, {"threads", spec.threads}};
  if (auto sent = send_packet(socket_->native_handle(), message, descriptors); !sent) {
    pending_.erase(request);
    co_return fail(sent.error());
  }
  while (!pending_.at(request).outcome) co_await changed_.wait();
  const Result<pid_t> outcome = *pending_.at(request).outcome;
  pending_.erase(request);
  if (!outcome) co_return fail(outcome.error());
  pipes->manager_side.pid = *outcome;
  co_return std::move(pipes->manager_side);
}

Task<void> ZygoteSpawner::listen(std::shared_ptr<Socket> socket) {
  for (;;) {
    const auto [error] =
        co_await socket->async_wait(Socket::wait_read, boost::asio::as_tuple(boost::asio::use_awaitable));
    if (error) break;
    auto packet = receive_packet(socket->native_handle());
    if (!packet) break;
    if (*packet) handle((*packet)->message);
  }
  lost();
}

void ZygoteSpawner::handle(const nlohmann::json& message) {
  if (message.contains("ready")) ready_ = true;
  if (message.contains("exited")) children_.report_exit(message.value("exited", pid_t{0}), message.value("status", 0));
  const auto pending = pending_.find(message.value("spawned", message.value("failed", std::uint64_t{0})));
  if (pending != pending_.end() && message.contains("spawned")) {
    const pid_t pid = message.value("pid", pid_t{0});
    // Should the zygote die, its children become ours.
    children_.watch(pid, std::move(pending->second.on_exit));
    pending->second.outcome = pid;
  } else if (pending != pending_.end()) {
    pending->second.outcome = fail(ErrorCode::internal, message.value("error", "the zygote could not start a worker"));
  }
  changed_.notify();
}

void ZygoteSpawner::lost() {
  socket_.reset();
  ready_ = false;
  pid_ = 0;
  for (auto& [request, pending] : pending_) {
    if (!pending.outcome)
      pending.outcome = fail(ErrorCode::internal, "the process that starts TorchScript workers has died");
  }
  changed_.notify();
}

}  // namespace instainfer::runtime
