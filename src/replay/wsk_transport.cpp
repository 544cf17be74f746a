#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "transport.hpp"

extern char** environ;

namespace instainfer::replay {
namespace {

namespace asio = boost::asio;

/// A started process and the reading end of what it prints (both streams).
struct Process {
  pid_t pid = -1;
  int output = -1;
};

/// What the deadline of a process and its reader tell each other.
struct Watch {
  bool ended = false;
  bool expired = false;
};

Result<Process> start(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error("pipe"));
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  Process process;
  const auto code = ::posix_spawnp(&process.pid, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (code != 0) {
    ::close(ends[0]);
    return fail(errno_error("start " + arguments[0], code));
  }
  process.output = ends[0];
  return process;
}

/// wsk prints a line, then the record; for a call that has not finished only a line that ends with the activation's id.
Result<std::string> record_in(const std::string& printed) {
  const auto begin = printed.find('{');
  const auto end = printed.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return fail(ErrorCode::unavailable, "wsk: " + printed.substr(0, printed.find_last_not_of('\n') + 1));
  }
  return printed.substr(begin, end - begin + 1);
}

std::string unfinished_id(const std::string& printed) {
  constexpr std::string_view kMark = "has not yet finished, with id ";
  constexpr std::size_t kIdLength = 32;
  const auto at = printed.find(kMark);
  return at == std::string::npos ? std::string() : printed.substr(at + kMark.size(), kIdLength);
}

class WskTransport final : public Transport {
 public:
  WskTransport(asio::any_io_executor executor, Api api, std::string program)
      : executor_(executor), api_(std::move(api)), program_(std::move(program)), client_(executor, api_.endpoint) {}

  Task<Result<std::string>> invoke(std::string action, std::string /*parameters*/, std::string file,
                                   Duration deadline) override {
    std::vector<std::string> command = {
        program_, "-i",     "--apihost", "http://" + api_.endpoint.host + ":" + api_.endpoint.port,
        "--auth", api_.key, "action",    "invoke",
        action,   "-b"};
    if (!file.empty()) command.insert(command.end(), {"-P", file});
    auto printed = co_await run(std::move(command), deadline);
    if (!printed) co_return fail(printed.error());
    auto id = unfinished_id(*printed);
    if (id.empty()) co_return record_in(*printed);
    co_return co_await await_record(client_, basic_authorization(api_.key), std::move(id), deadline);
  }

 private:
  Task<Result<std::string>> run(std::vector<std::string> command, Duration deadline) {
    const auto process = start(command);
    if (!process) co_return fail(process.error());
    const auto pid = process->pid;
    asio::posix::stream_descriptor output(executor_, process->output);
    asio::steady_timer timer(executor_, std::chrono::duration_cast<std::chrono::steady_clock::duration>(deadline));
    auto watch = std::make_shared<Watch>();  // shared: the timer's handler may run after this frame has gone
    timer.async_wait([pid, watch](const boost::system::error_code& error) {
      if (error || watch->ended) return;
      watch->expired = true;
      ::kill(pid, SIGKILL);
    });
    std::string printed;
    co_await asio::async_read(output, asio::dynamic_buffer(printed), asio::as_tuple(asio::use_awaitable));
    watch->ended = true;
    timer.cancel();
    int status = 0;
    ::waitpid(pid, &status, 0);  // its output has ended, so it is ending too
    if (watch->expired) co_return fail(ErrorCode::timed_out, "wsk did not end in time");
    co_return printed;
  }

  asio::any_io_executor executor_;
  Api api_;
  std::string program_;
  HttpClient client_;
};

}  // namespace

std::unique_ptr<Transport> make_wsk_transport(asio::any_io_executor executor, Api api, std::string program) {
  return std::make_unique<WskTransport>(std::move(executor), std::move(api), std::move(program));
}

}  // namespace instainfer::replay
