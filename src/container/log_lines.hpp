#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "instainfer/base/bytes.hpp"

namespace instainfer::container {

/// One line of output, as a record of docker's json-file log would hold it.
struct LogLine {
  std::chrono::system_clock::time_point time;  ///< when its end was read
  std::string text;                            ///< without its line end; as long as kMaxLine at most
  bool sentinel = false;
};

/// Size of the line in docker's json-file format with its newline, which is what log limits count (contract 4.9):
/// {"log":"text\n","stream":"stdout","time":"2025-01-01T00:00:00.879123456Z"}
std::int64_t json_line_size(std::string_view text, std::string_view stream);

/// The output of one stream, cut into lines that wait to be collected. Bounded: once `capacity` is used up, all lines
/// are dropped until the next sentinel, so that one activation's flood is not mixed with the next one's output.
class LineBuffer {
 public:
  using Clock = std::chrono::system_clock;
  /// Docker splits longer lines at this length.
  static constexpr std::size_t kMaxLine = 16 * 1024;

  LineBuffer(std::string stream, Bytes capacity) : stream_(std::move(stream)), capacity_(capacity) {}

  void append(std::string_view bytes, Clock::time_point now);
  /// The stream has ended: an unfinished line counts as one.
  void finish(Clock::time_point now);

  [[nodiscard]] bool has_sentinel() const { return sentinels_ > 0; }
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] bool has_partial_line() const { return !partial_.empty(); }
  [[nodiscard]] const LogLine& front() const { return lines_.front(); }
  [[nodiscard]] const std::string& stream() const { return stream_; }
  LogLine take();
  /// Forgets everything up to and including the first sentinel, or everything if there is none.
  void discard();
  /// Lines were dropped since the last call.
  bool take_overflowed();

 private:
  void add_line(std::string_view text, Clock::time_point now);

  std::string stream_;
  Bytes capacity_;
  std::deque<LogLine> lines_;
  std::string partial_;
  std::int64_t held_ = 0;
  int sentinels_ = 0;
  bool dropping_ = false, overflowed_ = false;
};

}  // namespace instainfer::container
