#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace instainfer::container {

/// Waits for a descriptor that stays its owner's, through a copy of its own.
///
/// The copy leaves the event loop before it is closed. Asio would only close it, and the kernel keeps a closed
/// descriptor in an epoll set as long as another one refers to the same file: its events would then wake up somebody
/// else.
class BorrowedDescriptor {
 public:
  BorrowedDescriptor(const boost::asio::any_io_executor& executor, int fd)
      : descriptor_(executor, ::fcntl(fd, F_DUPFD_CLOEXEC, 0)) {}
  BorrowedDescriptor(const BorrowedDescriptor&) = delete;
  BorrowedDescriptor& operator=(const BorrowedDescriptor&) = delete;
  ~BorrowedDescriptor() { release(); }

  /// May complete although nothing can be read: ask is_readable().
  template <typename Token>
  auto async_wait(Token&& token) {
    return descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, std::forward<Token>(token));
  }
  [[nodiscard]] bool is_readable() {
    pollfd entry{descriptor_.native_handle(), POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
  }
  /// Ends waiting.
  void release() {
    if (descriptor_.is_open()) ::close(descriptor_.release());
  }

 private:
  boost::asio::posix::stream_descriptor descriptor_;
};

}  // namespace instainfer::container
