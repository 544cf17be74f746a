#include "log_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "instainfer/openwhisk/activation.hpp"
#include "log_lines.hpp"

namespace instainfer::container {
namespace asio = boost::asio;
namespace {

constexpr auto kSilence = std::chrono::seconds(2);
constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kMaxDrain = 1 << 20;  // more than a pipe ever holds

using Clock = std::chrono::steady_clock;

/// All lines of one collection may take max(5, limit in MiB) x 2 s.
Duration total_limit(Bytes limit) {
  return std::chrono::seconds(2) * std::max<std::int64_t>(5, limit.mib());
}

}  // namespace

std::string truncated_text(Bytes limit) {
  return "Logs were truncated because the total bytes size exceeds the limit of " + std::to_string(limit.count) +
         " bytes.";
}

struct LogReader::State : std::enable_shared_from_this<LogReader::State> {
  struct Stream {
    Stream(const asio::any_io_executor& executor, UniqueFd fd, std::string name, Bytes capacity)
        : descriptor(executor), lines(std::move(name), capacity) {
      ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
      descriptor.assign(fd.release());
    }
    asio::posix::stream_descriptor descriptor;
    LineBuffer lines;
    bool open = true;
  };

  State(const asio::any_io_executor& executor, UniqueFd output, UniqueFd errors, Bytes capacity)
      : streams{Stream(executor, std::move(output), "stdout", capacity),
                Stream(executor, std::move(errors), "stderr", capacity)},
        news(executor) {}

  void wait_for_data(Stream& stream) {
    stream.descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                 [self = shared_from_this(), &stream](const boost::system::error_code& error) {
                                   if (error || !stream.open) return;
                                   self->read_once(stream);
                                   if (stream.open) self->wait_for_data(stream);
                                 });
  }

  /// The number of bytes read; 0: nothing there now, or the end.
  std::size_t read_once(Stream& stream) {
    if (!stream.open) return 0;
    const ssize_t got = ::read(stream.descriptor.native_handle(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    const auto now = std::chrono::system_clock::now();
    if (got <= 0) {
      stream.lines.finish(now);
      stream.open = false;
    } else {
      stream.lines.append(std::string_view(buffer.data(), static_cast<std::size_t>(got)), now);
    }
    last_data = Clock::now();
    news.cancel();
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }

  /// What is in the pipes at this moment.
  void drain() {
    for (auto& stream : streams) {
      std::size_t total = 0;
      while (total < kMaxDrain) {
        const std::size_t got = read_once(stream);
        if (got == 0) break;
        total += got;
      }
    }
  }

  void close() {
    for (auto& stream : streams) {
      stream.open = false;
      boost::system::error_code ignored;
      stream.descriptor.close(ignored);
    }
    news.cancel();
  }

  std::array<Stream, 2> streams;
  asio::steady_timer news;  // cancelled when something was read
  Clock::time_point last_data{};
  std::array<char, kReadSize> buffer{};
};

namespace {

/// One collection: takes lines in the order of their times and counts them against the limit.
struct Collection {
  CollectedLogs logs;
  std::int64_t size = 0;
  Bytes limit;
  bool passed_sentinel[2] = {false, false};
  bool ended = false;

  void add_own_line(std::string_view text) {
    logs.lines.push_back(
        openwhisk::log_line(openwhisk::rfc3339_nanoseconds(std::chrono::system_clock::now()), "stderr", text));
    logs.complete = false;
    ended = true;
  }

  void take_from(LineBuffer& lines, bool& passed) {
    const LogLine line = lines.take();
    size += json_line_size(line.sentinel ? runtime::kLogSentinel : std::string_view(line.text), lines.stream());
    if (line.sentinel) {
      passed = true;
      return;
    }
    if (size > limit.count) return add_own_line(truncated_text(limit));
    logs.lines.push_back(openwhisk::log_line(openwhisk::rfc3339_nanoseconds(line.time), lines.stream(), line.text));
  }

  /// Index of the stream whose next line is the older one; -1 if neither has one that belongs to this activation.
  int next_stream(const LineBuffer& output, const LineBuffer& errors) const {
    const bool from_output = !passed_sentinel[0] && !output.empty();
    const bool from_errors = !passed_sentinel[1] && !errors.empty();
    if (from_output && from_errors) return output.front().time <= errors.front().time ? 0 : 1;
    if (from_output) return 0;
    return from_errors ? 1 : -1;
  }

  [[nodiscard]] bool complete() const { return passed_sentinel[0] && passed_sentinel[1]; }
};

}  // namespace

LogReader::LogReader(const asio::any_io_executor& executor, UniqueFd output, UniqueFd errors, Bytes capacity)
    : state_(std::make_shared<State>(executor, std::move(output), std::move(errors), capacity)) {
  for (auto& stream : state_->streams) state_->wait_for_data(stream);
}

LogReader::~LogReader() {
  stop();
}

void LogReader::stop() {
  state_->close();
}

Task<CollectedLogs> LogReader::collect(Bytes limit, bool wait_for_sentinels) {
  const std::shared_ptr<State> state = state_;  // stays if the container is destroyed meanwhile
  auto& output = state->streams[0].lines;
  auto& errors = state->streams[1].lines;
  Collection collection;
  collection.limit = limit;
  const auto start = Clock::now();
  state->drain();
  if (limit.count <= 0) {
    output.discard();
    errors.discard();
    output.take_overflowed();
    errors.take_overflowed();
    co_return std::move(collection.logs);
  }
  while (true) {
    for (int next; !collection.ended && (next = collection.next_stream(output, errors)) >= 0;) {
      collection.take_from(next == 0 ? output : errors, collection.passed_sentinel[next]);
    }
    const bool overflowed_output = output.take_overflowed(), overflowed_errors = errors.take_overflowed();
    if (!collection.ended && (overflowed_output || overflowed_errors)) collection.add_own_line(truncated_text(limit));
    if (collection.ended || collection.complete()) break;
    if (!wait_for_sentinels) break;
    const bool open = state->streams[0].open || state->streams[1].open;
    const auto now = Clock::now();
    const auto deadline = std::min(std::max(start, state->last_data) + kSilence, start + total_limit(limit));
    if (!open || now >= deadline) {
      collection.add_own_line(kIssueText);
      break;
    }
    state->news.expires_at(deadline);
    co_await state->news.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return std::move(collection.logs);
}

}  // namespace instainfer::container
