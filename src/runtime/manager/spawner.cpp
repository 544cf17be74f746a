#include "manager/spawner.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace instainfer::runtime {

namespace {

Result<void> make_stream(UniqueFd& read_end, UniqueFd& write_end) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno_error("pipe"));
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
  // Only our end: the function's own prints must block, not fail.
  if (fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) return fail(errno_error("fcntl"));
  return {};
}

}  // namespace

Result<WorkerPipes> make_worker_pipes() {
  WorkerPipes pipes;
  std::array<int, 2> channel{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel.data()) != 0) return fail(errno_error("socketpair"));
  pipes.manager_side.channel.reset(channel[0]);
  pipes.channel.reset(channel[1]);
  if (auto made = make_stream(pipes.manager_side.standard_output, pipes.standard_output); !made)
    return fail(made.error());
  if (auto made = make_stream(pipes.manager_side.standard_error, pipes.standard_error); !made)
    return fail(made.error());
  return pipes;
}

}  // namespace instainfer::runtime
