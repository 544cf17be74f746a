// The outcome tables of /init and /run, row by row; texts and sizes are OpenWhisk's.
#include <gtest/gtest.h>

#include "instainfer/openwhisk/activation.hpp"

namespace instainfer::openwhisk {
namespace {

using std::chrono::milliseconds;
using Kind = ContainerAnswer::Kind;

constexpr milliseconds kLimit{60000};
constexpr milliseconds kSoon{5};

ContainerAnswer answered(int status, std::string body) {
  return {Kind::answered, status, std::move(body), std::nullopt, 0};
}
ContainerAnswer failed(Kind kind) {
  return {kind, 0, "", std::nullopt, 0};
}
ContainerAnswer oversized(int status) {
  return {Kind::answered, status, "{\"kept", 2000, 1000};
}

void expect_error(const ActivationResponse& response, StatusCode status, const Json& error,
                  std::optional<std::int64_t> size = std::nullopt) {
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(response.result, (Json{{"error", error}}));
  EXPECT_EQ(response.size, size);
}

constexpr const char* kTooLong =
    "The action produced a response that exceeded the allowed length: 2000 > 1000 bytes. "
    "The truncated response was: {\"kept";

TEST(InitOutcome, Answer200IsSuccessWhateverTheBody) {
  for (const char* body : {"{\"ok\":true}\n", "", "not JSON", "{\"error\":\"x\"}"}) {
    const auto response = init_response(answered(200, body), kLimit, kLimit);
    EXPECT_EQ(response.status, StatusCode::success) << body;
    EXPECT_EQ(response.result, std::nullopt);
  }
}

TEST(InitOutcome, AFailureAtTheTimeLimitIsATimeOut) {
  const char* text = "The action exceeded its time limits of 60000 milliseconds during initialization.";
  expect_error(init_response(answered(502, "{\"error\":\"late\"}"), kLimit, kLimit), StatusCode::developer_error, text);
  expect_error(init_response(failed(Kind::timed_out), milliseconds(59999), kLimit), StatusCode::developer_error, text);
  expect_error(init_response(failed(Kind::connection_error), kLimit, kLimit), StatusCode::developer_error, text);
}

TEST(InitOutcome, AnOversizedAnswerFailsEvenWith200) {
  expect_error(init_response(oversized(200), kSoon, kLimit), StatusCode::developer_error, kTooLong, 2000);
  expect_error(init_response(oversized(502), kSoon, kLimit), StatusCode::developer_error, kTooLong, 2000);
}

TEST(InitOutcome, TakesTheErrorOfTheAnswer) {
  expect_error(init_response(answered(502, R"({"error":"no module","more":1})"), kSoon, kLimit),
               StatusCode::developer_error, "no module", 30);
  expect_error(init_response(answered(502, R"({"error":{"a":1}})"), kSoon, kLimit), StatusCode::developer_error,
               Json{{"a", 1}}, 17);
}

TEST(InitOutcome, QuotesAnyOtherAnswer) {
  expect_error(init_response(answered(500, "boom"), kSoon, kLimit), StatusCode::developer_error,
               "The action failed during initialization: boom", 4);
  expect_error(init_response(answered(500, ""), kSoon, kLimit), StatusCode::developer_error,
               "The action failed during initialization.", 0);
}

TEST(InitOutcome, TellsMemoryFromUnexpectedExit) {
  expect_error(init_response(failed(Kind::memory_exhausted), kSoon, kLimit), StatusCode::developer_error,
               "The action exhausted its memory and was aborted.");
  for (const Kind kind : {Kind::no_response, Kind::connection_error}) {
    expect_error(init_response(failed(kind), kSoon, kLimit), StatusCode::developer_error,
                 "The action did not initialize and exited unexpectedly.");
  }
}

TEST(RunOutcome, AnObjectOrArrayWith200IsSuccess) {
  const auto object = run_response(answered(200, "{\"b\":1,\"a\":2}\n"), kSoon, kLimit);
  EXPECT_EQ(object.status, StatusCode::success);
  EXPECT_EQ(object.result, (Json{{"a", 2}, {"b", 1}}));
  EXPECT_EQ(object.size, 14);
  const auto array = run_response(answered(200, "[1,\"x\"]"), kSoon, kLimit);
  EXPECT_EQ(array.status, StatusCode::success);
  EXPECT_EQ(array.result, Json::array({1, "x"}));
}

TEST(RunOutcome, AnErrorMemberWith200IsAnApplicationErrorAndAllThatIsKept) {
  expect_error(run_response(answered(200, R"({"error":"x","a":1})"), kSoon, kLimit), StatusCode::application_error, "x",
               19);
  expect_error(run_response(answered(200, R"({"error":null})"), kSoon, kLimit), StatusCode::application_error, nullptr,
               14);
}

TEST(RunOutcome, AnErrorMemberWithoutA200IsADeveloperError) {
  expect_error(run_response(answered(400, R"({"error":"command exited"})"), kSoon, kLimit), StatusCode::developer_error,
               "command exited", 26);
}

TEST(RunOutcome, QuotesWhatIsNoObjectOrArrayAndAnythingWithoutA200) {
  const std::string sentence = "The action did not produce a valid JSON or JSON Array response";
  expect_error(run_response(answered(200, "42"), kSoon, kLimit), StatusCode::developer_error, sentence + ": 42", 2);
  expect_error(run_response(answered(200, "nope"), kSoon, kLimit), StatusCode::developer_error, sentence + ": nope", 4);
  expect_error(run_response(answered(200, ""), kSoon, kLimit), StatusCode::developer_error, sentence + ".", 0);
  expect_error(run_response(answered(500, "{\"a\":1}"), kSoon, kLimit), StatusCode::developer_error,
               sentence + ": {\"a\":1}", 7);
  expect_error(run_response(answered(500, "[]"), kSoon, kLimit), StatusCode::developer_error, sentence + ": []", 2);
}

TEST(RunOutcome, ALateButValidAnswerIsATimeOut) {
  const char* text = "The action exceeded its time limits of 60000 milliseconds.";
  expect_error(run_response(answered(200, "{}"), kLimit, kLimit), StatusCode::developer_error, text);
  expect_error(run_response(failed(Kind::timed_out), kSoon, kLimit), StatusCode::developer_error, text);
}

TEST(RunOutcome, AnOversizedAnswerIsAnApplicationError) {
  expect_error(run_response(oversized(200), kSoon, kLimit), StatusCode::application_error, kTooLong, 2000);
  expect_error(run_response(oversized(500), kSoon, kLimit), StatusCode::application_error, kTooLong, 2000);
}

TEST(RunOutcome, TellsMemoryFromUnexpectedExit) {
  expect_error(run_response(failed(Kind::memory_exhausted), kSoon, kLimit), StatusCode::developer_error,
               "The action exhausted its memory and was aborted.");
  for (const Kind kind : {Kind::no_response, Kind::connection_error}) {
    expect_error(run_response(failed(kind), kSoon, kLimit), StatusCode::developer_error,
                 "The action did not produce a valid response and exited unexpectedly.");
  }
}

TEST(RunOutcome, MeasuresTextsInUtf16Units) {
  EXPECT_EQ(run_response(answered(200, "[\"\xC3\xA9\"]"), kSoon, kLimit).size, 5);          // é: one unit
  EXPECT_EQ(run_response(answered(200, "[\"\xF0\x9F\x98\x80\"]"), kSoon, kLimit).size, 6);  // emoji: two
}

TEST(RunOutcome, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(run_response(answered(200, "[\"\xFF\"]"), kSoon, kLimit).result, Json::array({"\xEF\xBF\xBD"}));
  const auto cut = run_response({Kind::answered, 200, "{\"\xC3", 2000, 4}, kSoon, kLimit);
  EXPECT_TRUE(cut.result->at("error").get<std::string>().ends_with("{\"\xEF\xBF\xBD"));
}

TEST(RunOutcome, AcceptsAThousandLevelsAndRefusesMore) {
  const auto nested = [](int levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_EQ(run_response(answered(200, nested(1000)), kSoon, kLimit).status, StatusCode::success);
  EXPECT_EQ(run_response(answered(200, nested(1001)), kSoon, kLimit).status, StatusCode::developer_error);
  EXPECT_EQ(run_response(answered(200, nested(500000)), kSoon, kLimit).status, StatusCode::developer_error);
}

TEST(ContainerAnswer, IsUnhealthyOnlyWith503) {
  EXPECT_TRUE(answered(503, "").unhealthy());
  EXPECT_FALSE(answered(500, "").unhealthy());
  EXPECT_FALSE(failed(Kind::no_response).unhealthy());
}

}  // namespace
}  // namespace instainfer::openwhisk
