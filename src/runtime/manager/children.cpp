#include "manager/children.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace instainfer::runtime {

std::string describe_exit(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "killed by signal " + std::to_string(WTERMSIG(wait_status));
  return "exited with status " + std::to_string(WEXITSTATUS(wait_status));
}

Children::Children(const boost::asio::any_io_executor& executor) : signals_(executor, SIGCHLD) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

Task<void> Children::run() {
  for (;;) {
    reap();
    const auto [error, signal] = co_await signals_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (error) co_return;
  }
}

void Children::reap() {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG))
    report_exit(pid, status);
}

void Children::report_exit(pid_t pid, int wait_status) {
  const auto found = watched_.find(pid);
  if (found == watched_.end()) return;
  const OnExit on_exit = std::move(found->second);
  watched_.erase(found);
  on_exit(wait_status);
}

}  // namespace instainfer::runtime
