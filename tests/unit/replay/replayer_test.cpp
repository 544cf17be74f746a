#include "replayer.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "instainfer/base/files.hpp"

namespace instainfer::replay {
namespace {

using testing::HasSubstr;

/// A program in the place of `wsk`: a shell script that gets the same arguments.
class Replaying : public testing::Test {
 protected:
  void wsk_does(const std::string& script) {
    const auto file = folder_.path() / "wsk";
    ASSERT_TRUE(write_file_atomically(file, "#!/bin/sh\n" + script));
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    options_.wsk_program = file;
  }

  Result<ReplayResult> replay_calls(std::vector<ScheduledCall> calls) {
    const Schedule schedule{.calls = std::move(calls), .length = {}};
    std::vector<ReplayFunction> functions(1);
    functions[0].action = "f";
    functions[0].reference = Reference{{1, 3}};
    return replay(schedule, functions, options_, [this](const Progress& progress) { last_ = progress; });
  }

  const TemporaryDirectory folder_;
  ReplayOptions options_{
      .api = {.endpoint = {"127.0.0.1", "1"}, .key = "user:secret"}, .admin = {}, .via = ReplayOptions::Via::wsk};
  Progress last_;
};

constexpr auto kRecord = R"(cat <<END
ok: invoked /_/f with id 0123
{"activationId": "0123", "duration": 5, "annotations": [{"key": "startupType", "value": "warm"}],
 "response": {"status": "success", "result": {"outputs": [{"data": [1, 3]}]}}}
END
)";

TEST_F(Replaying, RecordsWhatEachCallBecame) {
  wsk_does(kRecord);
  const auto result = replay_calls({{Duration{}, 0}, {std::chrono::milliseconds(20), 0}});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->invocations.size(), 2U);
  for (const auto& invocation : result->invocations) {
    EXPECT_EQ(invocation.activation_id, "0123");
    EXPECT_EQ(invocation.start_type, "warm");
    EXPECT_EQ(invocation.equals_reference, true);
    EXPECT_GE(invocation.sent_ms, invocation.scheduled_ms);
  }
  EXPECT_EQ(last_.answered, 2U);
  EXPECT_EQ(last_.failed, 0U);
}

TEST_F(Replaying, SendsWithoutWaitingForEarlierAnswers) {
  // Each call waits until both have begun; a closed loop would never send the second.
  const auto place = folder_.path().string();
  wsk_does("touch " + place + "/begun.$$\nwhile [ $(ls " + place + " | grep -c begun) -lt 2 ]; do sleep 0.01; done\n" +
           kRecord);
  options_.invocation_deadline = std::chrono::seconds(20);
  const auto result = replay_calls({{Duration{}, 0}, {std::chrono::milliseconds(1), 0}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(last_.failed, 0U);
}

TEST_F(Replaying, PassesActionKeyAndParametersToWsk) {
  wsk_does("echo \"$@\" > " + (folder_.path() / "arguments").string() + "\n" + kRecord);
  ASSERT_TRUE(replay_calls({{Duration{}, 0}}));
  EXPECT_EQ(*read_file(folder_.path() / "arguments"),
            "-i --apihost http://127.0.0.1:1 --auth user:secret action invoke f -b\n");
}

TEST_F(Replaying, KeepsWhatWskSaidOfACallThatFailed) {
  wsk_does("echo \"error: Unable to invoke action 'f': too many requests\" >&2; exit 1\n");
  const auto result = replay_calls({{Duration{}, 0}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->invocations[0].status, "no answer");
  EXPECT_THAT(result->invocations[0].error, HasSubstr("too many requests"));
  EXPECT_EQ(last_.failed, 1U);
}

TEST_F(Replaying, EndsACallThatNeverAnswersAtItsDeadline) {
  wsk_does("exec sleep 600\n");
  options_.invocation_deadline = std::chrono::milliseconds(100);
  const auto result = replay_calls({{Duration{}, 0}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->invocations[0].error, "wsk did not end in time");
}

TEST_F(Replaying, NamesAProgramThatIsNotThere) {
  options_.wsk_program = "/nonexistent/wsk";
  const auto result = replay_calls({{Duration{}, 0}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->invocations[0].error, HasSubstr("start /nonexistent/wsk"));
}

TEST_F(Replaying, NeedsTheAdminPortThatItWasGiven) {
  options_.admin = Endpoint{"127.0.0.1", "1"};
  const auto result = replay_calls({{Duration{}, 0}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::unavailable);
  EXPECT_THAT(result.error().message, HasSubstr("connect to http://127.0.0.1:1"));
}

TEST(ParseEndpoint, TakesAUrlOrHostAndPort) {
  EXPECT_EQ(parse_endpoint("http://h:12/")->port, "12");
  EXPECT_EQ(parse_endpoint("h:12")->host, "h");
  EXPECT_EQ(parse_endpoint("h")->port, "80");
  for (const auto* wrong : {"", "https://h:1", "http://:1", "h:", "h:x", "http://h/path"})
    EXPECT_FALSE(parse_endpoint(wrong)) << wrong;
}

}  // namespace
}  // namespace instainfer::replay
