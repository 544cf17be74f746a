#include "log_reader.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "integration/container/harness.hpp"
#include "managed_container.hpp"

namespace instainfer::container {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
constexpr Bytes kLimit{1 << 20};

class LogReaderTest : public ::testing::Test {
 protected:
  void print(const UniqueFd& stream, std::string_view text) {
    ASSERT_EQ(::write(stream.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void print_sentinels() {
    const std::string line = std::string(runtime::kLogSentinel) + "\n";
    print(pipes_.write_output, line);
    print(pipes_.write_errors, line);
  }
  CollectedLogs collect(Bytes limit, bool wait) { return loop_.run(reader_.collect(limit, wait)); }

  testing::Loop loop_;
  OutputPipes pipes_ = *OutputPipes::make();
  LogReader reader_{loop_.context().get_executor(), std::move(pipes_.read_output), std::move(pipes_.read_errors)};
};

TEST_F(LogReaderTest, CollectsBothStreamsUpToTheirSentinels) {
  print(pipes_.write_output, "to stdout\n");
  print(pipes_.write_errors, "to stderr\n");
  print_sentinels();
  print(pipes_.write_output, "of the next activation\n");
  const auto logs = collect(kLimit, true);
  EXPECT_TRUE(logs.complete);
  EXPECT_THAT(logs.lines,
              ::testing::UnorderedElementsAre(EndsWith(" stdout: to stdout"), EndsWith(" stderr: to stderr")));
}

TEST_F(LogReaderTest, LinesCarryTheTimePaddedTo30Characters) {
  print(pipes_.write_output, "hello\n");
  print_sentinels();
  const auto logs = collect(kLimit, true);
  ASSERT_EQ(logs.lines.size(), 1U);
  EXPECT_EQ(logs.lines[0].substr(30), " stdout: hello");
}

TEST_F(LogReaderTest, WithoutWaitingItTakesWhatIsThere) {
  print(pipes_.write_errors, "Traceback\n");
  const auto logs = collect(kLimit, false);
  EXPECT_TRUE(logs.complete);
  EXPECT_THAT(logs.lines, ElementsAre(EndsWith(" stderr: Traceback")));
}

TEST_F(LogReaderTest, SilenceWithoutSentinelsEndsTheWaitWithItsText) {
  print(pipes_.write_output, "something\n");
  const auto start = std::chrono::steady_clock::now();
  const auto logs = collect(kLimit, true);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1900));
  EXPECT_FALSE(logs.complete);
  EXPECT_THAT(logs.lines,
              ElementsAre(EndsWith("something"),
                          EndsWith(" stderr: There was an issue while collecting your logs. Data might be missing.")));
}

TEST_F(LogReaderTest, AClosedPipeEndsTheWaitAtOnce) {
  print(pipes_.write_output, "last words");
  pipes_.write_output.reset();
  pipes_.write_errors.reset();
  const auto start = std::chrono::steady_clock::now();
  const auto logs = collect(kLimit, true);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
  EXPECT_FALSE(logs.complete);
  EXPECT_THAT(logs.lines, ElementsAre(EndsWith("last words"), HasSubstr("There was an issue")));
}

TEST_F(LogReaderTest, TheLineOverTheLimitIsReplacedByItsText) {
  print(pipes_.write_output, std::string(300, 'a') + "\n" + std::string(300, 'b') + "\nc\n");
  print_sentinels();
  const auto logs = collect(Bytes{500}, true);
  EXPECT_FALSE(logs.complete);
  EXPECT_THAT(logs.lines,
              ElementsAre(EndsWith("a"),
                          EndsWith(" stderr: Logs were truncated because the total bytes size exceeds the limit of "
                                   "500 bytes.")));
}

TEST_F(LogReaderTest, ALimitOfZeroCollectsNothingAndForgetsTheActivation) {
  print(pipes_.write_output, "secret\n");
  print_sentinels();
  EXPECT_TRUE(collect(Bytes{0}, true).lines.empty());
  print(pipes_.write_output, "next\n");
  print_sentinels();
  EXPECT_THAT(collect(kLimit, true).lines, ElementsAre(EndsWith("next")));
}

TEST_F(LogReaderTest, ReadsWhileNobodyCollects) {
  const std::string block(60000, 'x');
  for (int i = 0; i < 100; ++i) {  // far more than a pipe holds: this blocks for ever unless somebody reads
    print(pipes_.write_output, block);
    loop_.run_until([] { return false; }, std::chrono::milliseconds(1));
  }
  print_sentinels();
  EXPECT_FALSE(collect(kLimit, true).complete);
}

}  // namespace
}  // namespace instainfer::container
