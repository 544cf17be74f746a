#include "manager/worker.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

namespace instainfer::runtime {

namespace {

constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);
/// Far above what any invoker accepts; only there so that a worker cannot fill the manager's memory.
constexpr std::size_t kAnswerLimit = std::size_t{64} << 20;

}  // namespace

Worker::Worker(const boost::asio::any_io_executor& executor, WorkerSpec spec, std::string directory,
               SpawnedWorker process)
    : spec_(std::move(spec)),
      directory_(std::move(directory)),
      pid_(process.pid),
      channel_(executor, boost::asio::local::stream_protocol(), process.channel.release()),
      standard_output_(std::make_shared<OutputPump>(executor, std::move(process.standard_output))),
      standard_error_(std::make_shared<OutputPump>(executor, std::move(process.standard_error))),
      changed_(executor) {
}

Task<Result<WorkerAnswer>> Worker::exchange(std::string line) {
  line += '\n';
  // Whether it went out makes no difference: a worker that ended may have answered before, and what it said counts.
  co_await boost::asio::async_write(channel_, boost::asio::buffer(line), kAwait);
  std::string().swap(line);
  auto buffer = boost::asio::dynamic_buffer(unread_, kAnswerLimit);
  const auto [error, size] = co_await boost::asio::async_read_until(channel_, buffer, '\n', kAwait);
  if (error == boost::asio::error::not_found) {
    co_return fail(ErrorCode::too_large, "the function's answer is longer than " + to_string(Bytes{kAnswerLimit}));
  }
  if (error) {
    while (!ended()) co_await changed_.wait();
    co_return fail(death());
  }
  auto answer = parse(std::string_view(unread_).substr(0, size - 1));
  unread_.erase(0, size);
  if (unread_.empty()) std::string().swap(unread_);
  co_return answer;
}

Result<WorkerAnswer> Worker::parse(std::string_view line) const {
  constexpr std::size_t status_digits = 3;
  int status = 0;
  const bool framed =
      line.size() > status_digits && line[status_digits] == ' ' &&
      std::from_chars(line.data(), line.data() + status_digits, status).ptr == line.data() + status_digits &&
      status >= 200 && status < 600;
  if (!framed)
    return fail(ErrorCode::invalid_argument, "the function's process wrote something into the answers' channel");
  return WorkerAnswer{status, std::string(line.substr(status_digits + 1))};
}

Error Worker::death() const {
  return {ErrorCode::unavailable, why_};
}

void Worker::end(std::string why) {
  if (ended()) return;
  why_ = std::move(why);
  boost::system::error_code ignored;
  // Not close: what it had answered can still be read, then comes end of file.
  channel_.shutdown(boost::asio::socket_base::shutdown_both, ignored);
  changed_.notify();
}

void Worker::confirm_exit() {
  exit_confirmed_ = true;
  changed_.notify();
}

}  // namespace instainfer::runtime
