#include "async_process.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "borrowed_descriptor.hpp"
#include "instainfer/base/files.hpp"

namespace instainfer::container {
namespace asio = boost::asio;
namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

Error did_not_end(const std::string& program, Duration limit) {
  return {ErrorCode::timed_out,
          program + " did not end within " + std::to_string(static_cast<int>(seconds(limit))) + " s"};
}

std::string read_back(int fd) {
  std::string text(64 * 1024, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

}  // namespace

Task<bool> wait_readable(int fd, Duration limit) {
  using namespace asio::experimental::awaitable_operators;
  const auto executor = co_await asio::this_coro::executor;
  BorrowedDescriptor descriptor(executor, fd);
  asio::steady_timer timer(executor, limit);
  while (!descriptor.is_readable()) {
    const auto outcome = co_await (descriptor.async_wait(use_tuple) || timer.async_wait(use_tuple));
    if (outcome.index() == 1) co_return descriptor.is_readable();
  }
  co_return true;
}

Task<void> sleep_for(Duration duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(use_tuple);
}

Task<Result<CommandResult>> run_command(std::vector<std::string> arguments, Duration limit) {
  // A file in memory, not a pipe: nothing has to be read while the program runs, and what it leaves behind may keep it
  // open.
  UniqueFd output(::memfd_create("output", MFD_CLOEXEC));
  if (!output.valid()) co_return fail(errno_error("memfd for the output of " + arguments.front()));
  SpawnOptions options;
  options.arguments = std::move(arguments);
  options.environment = plain_environment();
  options.output = options.errors = output.get();
  auto child = ChildProcess::spawn(options);
  if (!child) co_return fail(child.error());
  const bool ended = co_await wait_readable(child->pidfd(), limit);
  if (!ended) co_return fail(did_not_end(options.arguments.front(), limit));
  CommandResult result;
  result.status = child->try_reap().value_or(-1);
  result.output = read_back(output.get());
  co_return result;
}

Task<Result<CommandResult>> run_command_with_output(std::vector<std::string> arguments, UniqueFd output,
                                                    UniqueFd errors, std::string log_file, Duration limit) {
  SpawnOptions options;
  options.arguments = std::move(arguments);
  options.environment = plain_environment();
  options.output = output.get();
  options.errors = errors.get();
  auto child = ChildProcess::spawn(options);
  if (!child) co_return fail(child.error());
  output.reset();
  errors.reset();
  const bool ended = co_await wait_readable(child->pidfd(), limit);
  if (!ended) co_return fail(did_not_end(options.arguments.front(), limit));
  CommandResult result;
  result.status = child->try_reap().value_or(-1);
  if (!result.succeeded()) result.output = read_file(log_file, Bytes{1 << 20}).value_or("no log was written");
  co_return result;
}

}  // namespace instainfer::container
