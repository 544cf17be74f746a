#include "child_process.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace instainfer::container {
namespace {

constexpr std::size_t kMaxCommandOutput = 64 * 1024;
constexpr int kExecFailed = 127;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Everything the child needs, laid out before the fork: afterwards only async-signal-safe calls are allowed.
struct ChildPlan {
  std::vector<char*> arguments, environment;
  int input, output, errors;
  bool die_with_parent;
  pid_t parent;
  sock_fprog filter;
  sigset_t no_signals;
};

[[noreturn]] void become_program(const ChildPlan& plan) {
  ::sigprocmask(SIG_SETMASK, &plan.no_signals, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (plan.die_with_parent) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) ::_exit(kExecFailed);  // it died before the line above
  }
  // Descriptors above 2 are close-on-exec; the three standard ones are set here, through copies that cannot overwrite
  // each other.
  const int output = ::fcntl(plan.output, F_DUPFD, 10), errors = ::fcntl(plan.errors, F_DUPFD, 10);
  if (::dup2(plan.input, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(errors, 2) < 0) ::_exit(kExecFailed);
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  if (plan.filter.len > 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(kExecFailed);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &plan.filter) != 0) ::_exit(kExecFailed);
  }
  ::execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  ::_exit(kExecFailed);
}

void read_into(int fd, std::string& output, bool& open) {
  char buffer[4096];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  if (got <= 0) {
    open = got < 0 && (errno == EINTR || errno == EAGAIN);
    return;
  }
  const std::size_t room = kMaxCommandOutput - std::min(kMaxCommandOutput, output.size());
  output.append(buffer, std::min(room, static_cast<std::size_t>(got)));
}

int poll_milliseconds(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

}  // namespace

Result<ChildProcess> ChildProcess::spawn(const SpawnOptions& options) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return fail(errno_error("open /dev/null"));
  ChildPlan plan{};
  plan.arguments = pointers(options.arguments);
  plan.environment = pointers(options.environment);
  plan.input = null.get();
  plan.output = options.output < 0 ? null.get() : options.output;
  plan.errors = options.errors < 0 ? null.get() : options.errors;
  plan.die_with_parent = options.die_with_parent;
  plan.parent = ::getpid();
  plan.filter.len = static_cast<unsigned short>(options.seccomp_program.size() / sizeof(sock_filter));
  plan.filter.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(options.seccomp_program.data()));
  ::sigemptyset(&plan.no_signals);

  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return fail(errno_error("start " + options.arguments.front()));
  if (pid == 0) become_program(plan);
  ChildProcess child;
  child.pid_ = static_cast<pid_t>(pid);
  child.pidfd_.reset(pidfd);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this == &other) return *this;
  kill_and_reap();
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
  return *this;
}

std::optional<int> ChildProcess::try_reap() {
  if (pid_ < 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return status;
}

std::optional<int> ChildProcess::reap_within(Duration limit) {
  if (pid_ < 0 || !wait_pidfd(pidfd_.get(), limit)) return std::nullopt;
  return try_reap();
}

void ChildProcess::signal(int number) const {
  if (pid_ > 0) signal_pidfd(pidfd_.get(), number);
}

void ChildProcess::kill_and_reap() {
  if (pid_ < 0) return;
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

std::string describe_wait_status(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExecFailed) return "could not be started (status 127)";
  if (WIFEXITED(status)) return "exited with status " + std::to_string(WEXITSTATUS(status));
  return "killed by signal " + std::to_string(WTERMSIG(status));
}

Result<UniqueFd> open_pidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return fail(errno_error("pidfd of process " + std::to_string(pid)));
  return fd;
}

void signal_pidfd(int pidfd, int number) {
  ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0);
}

bool wait_pidfd(int pidfd, Duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    pollfd entry{pidfd, POLLIN, 0};
    const int ready = ::poll(&entry, 1, poll_milliseconds(deadline));
    if (ready > 0) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
  }
}

std::optional<unsigned long long> process_start_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto end_of_name = text.rfind(')');  // the name may hold blanks and parentheses
  if (end_of_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end_of_name + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  unsigned long long ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;
  return ticks;
}

Result<CommandResult> run_command_blocking(std::vector<std::string> arguments, Duration limit) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail(errno_error("pipe"));
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  SpawnOptions options;
  options.arguments = std::move(arguments);
  options.environment = plain_environment();
  options.output = options.errors = writer.get();
  auto child = ChildProcess::spawn(options);
  if (!child) return fail(child.error());
  writer.reset();

  CommandResult result;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  bool open = true;
  while (true) {
    pollfd entries[2] = {{child->pidfd(), POLLIN, 0}, {open ? reader.get() : -1, POLLIN, 0}};
    ::poll(entries, 2, poll_milliseconds(deadline));
    if (open && entries[1].revents != 0) {
      read_into(reader.get(), result.output, open);
      continue;  // what is in the pipe counts even if the process has ended
    }
    if (const auto status = child->try_reap()) {
      result.status = *status;
      return result;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorCode::timed_out, options.arguments.front() + " did not end within " +
                                            std::to_string(static_cast<int>(seconds(limit))) + " s: " + result.output);
    }
  }
}

std::vector<std::string> plain_environment() {
  return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
}

}  // namespace instainfer::container
