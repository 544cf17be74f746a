#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "instainfer/base/task.hpp"
#include "instainfer/base/unique_fd.hpp"
#include "manager/event.hpp"

namespace instainfer::runtime {

/// One of the manager's own streams, which carry nothing but the active function's output and the sentinel lines.
class Sink {
 public:
  Sink(const boost::asio::any_io_executor& executor, int fd);
  /// Comes back when all of it is written, or the reader is gone.
  Task<void> write(std::string_view data);

 private:
  UniqueFd fd_;
  std::optional<boost::asio::posix::stream_descriptor> stream_;  ///< none for a regular file, which never blocks
};

/// Reads one stream of one worker: into a ring of the last 8 KiB until the worker becomes active, then into a sink. It
/// reads no faster than the sink takes it, so memory stays bounded and a chatty worker waits.
class OutputPump : public std::enable_shared_from_this<OutputPump> {
 public:
  OutputPump(const boost::asio::any_io_executor& executor, UniqueFd read_end);

  Task<void> run();
  /// From here on to this sink, and nothing of what is in the ring.
  void direct_to(Sink& sink) { sink_ = &sink; }
  /// Until everything is passed on that the worker had written when this was called.
  Task<void> flush();
  /// The rest is dropped.
  void close();
  [[nodiscard]] const std::string& ring() const { return ring_; }

 private:
  void keep(std::string_view data);

  boost::asio::posix::stream_descriptor pipe_;
  Sink* sink_ = nullptr;
  std::string ring_;
  std::size_t taken_ = 0;      ///< bytes read so far
  std::size_t passed_on_ = 0;  ///< of these, bytes that reached the sink or the ring
  bool open_ = true;
  Event progress_;
};

}  // namespace instainfer::runtime
