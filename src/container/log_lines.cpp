#include "log_lines.hpp"

#include "instainfer/base/encoding.hpp"
#include "instainfer/runtime/protocol.hpp"

namespace instainfer::container {
namespace {

constexpr std::int64_t kPerLine = 96;  // bookkeeping that a short line costs beside its text

/// Bytes that one character takes in docker's JSON (it escapes <, > and & as six characters, like Go's encoder).
std::int64_t json_size(unsigned char c) {
  if (c == '"' || c == '\\' || c == '\n' || c == '\r') return 2;
  if (c < 0x20 || c == '<' || c == '>' || c == '&') return 6;
  return 1;
}

}  // namespace

std::int64_t json_line_size(std::string_view text, std::string_view stream) {
  constexpr std::string_view kFrame = R"({"log":"\n","stream":"","time":"2025-01-01T00:00:00.879123456Z"})";
  std::int64_t size = static_cast<std::int64_t>(kFrame.size() + 1 + stream.size());
  for (const char c : text) size += json_size(static_cast<unsigned char>(c));
  return size;
}

void LineBuffer::append(std::string_view bytes, Clock::time_point now) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const std::size_t room = kMaxLine - partial_.size();
    const std::size_t length = std::min({end, bytes.size(), room});
    partial_.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
    const bool complete = !bytes.empty() && bytes.front() == '\n';
    if (complete) bytes.remove_prefix(1);
    if (!complete && partial_.size() < kMaxLine) return;
    add_line(partial_, now);
    partial_.clear();
  }
}

void LineBuffer::finish(Clock::time_point now) {
  if (partial_.empty()) return;
  add_line(partial_, now);
  partial_.clear();
}

void LineBuffer::add_line(std::string_view text, Clock::time_point now) {
  const bool sentinel = text.find(runtime::kLogSentinel) != std::string_view::npos;
  if (sentinel) {
    dropping_ = false;
    // Only the next few matter; a function that prints nothing but sentinels must not make the queue grow.
    if (sentinels_ >= 4) return;
    ++sentinels_;
    lines_.push_back({now, std::string(), true});
    return;
  }
  const std::int64_t size = static_cast<std::int64_t>(text.size()) + kPerLine;
  if (dropping_ || held_ + size > capacity_.count) {
    dropping_ = overflowed_ = true;
    return;
  }
  held_ += size;
  lines_.push_back({now, to_valid_utf8(text), false});
}

LogLine LineBuffer::take() {
  LogLine line = std::move(lines_.front());
  lines_.pop_front();
  if (line.sentinel) --sentinels_;
  if (lines_.empty())
    held_ = 0;
  else if (!line.sentinel)
    held_ -= static_cast<std::int64_t>(line.text.size()) + kPerLine;
  return line;
}

void LineBuffer::discard() {
  while (!lines_.empty()) {
    if (take().sentinel) return;
  }
}

bool LineBuffer::take_overflowed() {
  return std::exchange(overflowed_, false);
}

}  // namespace instainfer::container
