#include "manager/output.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

namespace instainfer::runtime {

namespace {

constexpr std::size_t kRingBytes = 8 * 1024;
constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

bool can_block(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && !S_ISREG(status.st_mode);
}

void write_file(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written <= 0) return;
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Sink::Sink(const boost::asio::any_io_executor& executor, int fd) : fd_(fcntl(fd, F_DUPFD_CLOEXEC, 3)) {
  if (!fd_.valid() || !can_block(fd_.get())) return;
  boost::system::error_code refused;
  stream_.emplace(executor);
  stream_->assign(fd_.get(), refused);  // /dev/null and the like cannot be polled
  if (refused) {
    stream_.reset();
  } else {
    static_cast<void>(fd_.release());
  }
}

Task<void> Sink::write(std::string_view data) {
  if (!stream_) {
    write_file(fd_.get(), data);
    co_return;
  }
  co_await boost::asio::async_write(*stream_, boost::asio::buffer(data), kAwait);
}

OutputPump::OutputPump(const boost::asio::any_io_executor& executor, UniqueFd read_end)
    : pipe_(executor, read_end.release()), progress_(executor) {
}

Task<void> OutputPump::run() {
  const auto self = shared_from_this();
  std::string chunk(kChunkBytes, '\0');
  while (open_) {
    // Waiting and reading apart: bytes are either in the pipe or counted in taken_, so flush() misses none.
    const auto [error] = co_await pipe_.async_wait(boost::asio::posix::stream_descriptor::wait_read, kAwait);
    if (error || !open_) break;
    const ssize_t count = ::read(pipe_.native_handle(), chunk.data(), chunk.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) break;
    taken_ += static_cast<std::size_t>(count);
    const std::string_view data(chunk.data(), static_cast<std::size_t>(count));
    if (sink_ != nullptr) {
      co_await sink_->write(data);
    } else {
      keep(data);
    }
    passed_on_ = taken_;
    progress_.notify();
  }
  open_ = false;
  progress_.notify();
}

Task<void> OutputPump::flush() {
  const auto self = shared_from_this();
  int waiting = 0;
  if (!open_ || ioctl(pipe_.native_handle(), FIONREAD, &waiting) != 0) co_return;
  const std::size_t target = taken_ + static_cast<std::size_t>(waiting);
  while (open_ && passed_on_ < target) co_await progress_.wait();
}

void OutputPump::close() {
  open_ = false;
  boost::system::error_code ignored;
  pipe_.close(ignored);
  progress_.notify();
}

void OutputPump::keep(std::string_view data) {
  ring_.append(data);
  if (ring_.size() > kRingBytes) ring_.erase(0, ring_.size() - kRingBytes);
}

}  // namespace instainfer::runtime
