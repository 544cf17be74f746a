#include "log_lines.hpp"

#include <gtest/gtest.h>

#include "instainfer/runtime/protocol.hpp"

namespace instainfer::container {
namespace {

const auto kNow = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));

LineBuffer a_buffer(Bytes capacity = Bytes{1 << 20}) {
  return LineBuffer("stdout", capacity);
}

std::string sentinel() {
  return std::string(runtime::kLogSentinel) + "\n";
}

TEST(LineBuffer, JoinsALineThatComesInPieces) {
  auto buffer = a_buffer();
  buffer.append("he", kNow);
  buffer.append("llo\nwor", kNow);
  EXPECT_EQ(buffer.take().text, "hello");
  EXPECT_TRUE(buffer.empty());
  buffer.finish(kNow);
  EXPECT_EQ(buffer.take().text, "wor");
}

TEST(LineBuffer, SplitsLongLines) {
  auto buffer = a_buffer();
  buffer.append(std::string(LineBuffer::kMaxLine + 5, 'x') + "\n", kNow);
  EXPECT_EQ(buffer.take().text.size(), LineBuffer::kMaxLine);
  EXPECT_EQ(buffer.take().text, "xxxxx");
  EXPECT_TRUE(buffer.empty());
}

TEST(LineBuffer, ALineThatContainsTheSentinelIsOne) {
  auto buffer = a_buffer();
  buffer.append("no newline before" + sentinel(), kNow);
  EXPECT_TRUE(buffer.has_sentinel());
  const auto line = buffer.take();
  EXPECT_TRUE(line.sentinel);
  EXPECT_EQ(line.text, "");
  EXPECT_FALSE(buffer.has_sentinel());
}

TEST(LineBuffer, ReplacesWhatIsNotUtf8) {
  auto buffer = a_buffer();
  buffer.append("a\xFF z\n", kNow);
  EXPECT_EQ(buffer.take().text, "a\xEF\xBF\xBD z");
}

TEST(LineBuffer, DropsLinesOverItsCapacityUntilTheNextSentinel) {
  auto buffer = a_buffer(Bytes{1000});
  for (int i = 0; i < 1000; ++i) buffer.append("0123456789\n", kNow);
  buffer.append(sentinel(), kNow);
  EXPECT_TRUE(buffer.take_overflowed());
  EXPECT_FALSE(buffer.take_overflowed());
  int lines = 0;
  while (!buffer.take().sentinel) ++lines;
  EXPECT_GT(lines, 0);
  EXPECT_LT(lines, 20);
  buffer.append("next activation\n", kNow);
  EXPECT_EQ(buffer.take().text, "next activation");
}

TEST(LineBuffer, AFloodOfSentinelsDoesNotGrowIt) {
  auto buffer = a_buffer();
  for (int i = 0; i < 1000; ++i) buffer.append(sentinel(), kNow);
  int held = 0;
  for (; !buffer.empty(); ++held) buffer.take();
  EXPECT_LT(held, 10);
}

TEST(LineBuffer, DiscardForgetsUpToTheFirstSentinel) {
  auto buffer = a_buffer();
  buffer.append("old\n" + sentinel() + "new\n", kNow);
  buffer.discard();
  EXPECT_EQ(buffer.take().text, "new");
}

TEST(JsonLineSize, CountsWhatDockersLogWouldTake) {
  const std::string_view line = R"({"log":"a \"b\"\n","stream":"stderr","time":"2025-01-01T00:00:00.879123456Z"})";
  EXPECT_EQ(json_line_size("a \"b\"", "stderr"), static_cast<std::int64_t>(line.size() + 1));
  EXPECT_EQ(json_line_size("<", "stdout") - json_line_size("", "stdout"), 6);
  EXPECT_EQ(json_line_size("\x01", "stdout") - json_line_size("", "stdout"), 6);
}

}  // namespace
}  // namespace instainfer::container
