#include "instainfer/openwhisk/activation.hpp"

#include <gmock/gmock.h>

#include <set>

#include "instainfer/openwhisk/json.hpp"

namespace instainfer::openwhisk {
namespace {

using ::testing::HasSubstr;

Activation a_record() {
  Activation record;
  record.ns = "guest";
  record.name = "hello";
  record.version = {0, 0, 3};
  record.subject = "guest";
  record.activation_id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
  record.start = EpochMillis(std::chrono::milliseconds(1735689600763));
  record.end = EpochMillis(std::chrono::milliseconds(1735689600882));
  record.duration = 119;
  record.response = {StatusCode::success, Json{{"greeting", "Hello, Ada"}}, 25};
  record.logs = {"2025-01-01T00:00:00.879123456Z stdout: greeting Ada"};
  record.annotations = {{"path", "guest/demo/hello", false, {}}, {"initTime", 112, false, {}}};
  return record;
}

TEST(ActivationId, IsFreshAndReadsBack) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    ids.insert(make_activation_id());
    EXPECT_TRUE(parse_activation_id(*ids.rbegin()));
  }
  EXPECT_EQ(ids.size(), 100u);
}

TEST(ActivationId, IsRefusedInOpenWhisksWords) {
  EXPECT_EQ(parse_activation_id("abc").error().message, "Activation id length is 3 but must be 32.");
  EXPECT_EQ(parse_activation_id("").error().message, "Activation id length is 0 but must be 32.");
  EXPECT_EQ(parse_activation_id(std::string(32, 'g')).error().message, "The activation id is not valid.");
  EXPECT_EQ(parse_activation_id(std::string(32, 'A')).error().message, "The activation id is not valid.");
}

TEST(ActivationRecord, IsWhatTheRestApiShows) {
  Json expected = Json::parse(R"({
    "namespace": "guest", "name": "hello", "version": "0.0.3", "subject": "guest",
    "activationId": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "start": 1735689600763, "end": 1735689600882, "duration": 119,
    "response": {"status": "success", "success": true, "result": {"greeting": "Hello, Ada"}, "size": 25},
    "logs": ["2025-01-01T00:00:00.879123456Z stdout: greeting Ada"],
    "annotations": [{"key": "path", "value": "guest/demo/hello"}, {"key": "initTime", "value": 112}], "publish": false})");
  EXPECT_EQ(to_json(a_record()), expected);
}

TEST(ActivationRecord, LeavesOutWhatIsNotSet) {
  Activation record = a_record();
  record.end.reset();
  record.duration.reset();
  record.response = {StatusCode::whisk_error, std::nullopt, std::nullopt};
  const Json json = to_json(record);
  for (const char* member : {"end", "duration", "cause"}) EXPECT_FALSE(json.contains(member)) << member;
  EXPECT_EQ(json["response"], Json::parse(R"({"status": "whisk internal error", "success": false})"));
}

TEST(ActivationRecord, SummaryCarriesTheNumericStatusAndNeitherLogsNorResult) {
  Activation record = a_record();
  record.response.status = StatusCode::developer_error;
  const Json json = to_summary_json(record);
  EXPECT_EQ(json["statusCode"], 2);
  EXPECT_FALSE(json.contains("logs"));
  EXPECT_FALSE(json.contains("response"));
  EXPECT_EQ(json["duration"], 119);
}

TEST(ActivationDocument, SurvivesTheRoundTrip) {
  Activation record = a_record();
  record.cause = "aaaaaaaabbbbbbbbccccccccdddddddd";
  record.response.status = StatusCode::application_error;
  const Json document = to_document(record);
  EXPECT_EQ(document["_id"], "guest/0f1e2d3c4b5a69788796a5b4c3d2e1f0");
  EXPECT_EQ(document["entityType"], "activation");
  EXPECT_EQ(document["response"]["statusCode"], 1);
  const auto read = activation_from_document(document);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_document(*read), document);
}

TEST(ActivationDocument, NamesTheMemberThatIsWrong) {
  const auto error_with = [](const char* pointer, Json value) {
    Json document = to_document(a_record());
    document[Json::json_pointer(pointer)] = std::move(value);
    const auto record = activation_from_document(document);
    return record ? std::string() : record.error().message;
  };
  EXPECT_THAT(error_with("/start", "now"), HasSubstr("member 'start' must be a whole number"));
  EXPECT_THAT(error_with("/response", nullptr), HasSubstr("member 'response' is missing"));
  EXPECT_THAT(error_with("/response/statusCode", 4), HasSubstr("member 'statusCode' must be from 0 to 3"));
  EXPECT_THAT(error_with("/logs", Json::array({1})), HasSubstr("member 'logs' must be an array of strings"));
  EXPECT_THAT(error_with("/activationId", "x"), HasSubstr("Activation id length is 1 but must be 32."));
  EXPECT_THAT(error_with("/annotations", 1), HasSubstr("annotations must be an array"));
  EXPECT_THAT(error_with("/publish", "no"), HasSubstr("member 'publish' must be true or false"));
}

TEST(LogLine, PadsTheTimeToThirtyCharactersAndDropsTheLineEnd) {
  EXPECT_EQ(log_line("2025-01-01T00:00:00.9Z", "stderr", "text\n"), "2025-01-01T00:00:00.9Z         stderr: text");
  EXPECT_EQ(log_line("2025-01-01T00:00:00.879123456Z", "stdout", "a\r\n"), "2025-01-01T00:00:00.879123456Z stdout: a");
  EXPECT_EQ(log_line("t", "stdout", "\xFF").substr(31), "stdout: \xEF\xBF\xBD");
}

TEST(Rfc3339, HasNineDigitsOfTheSecond) {
  const auto time =
      std::chrono::system_clock::time_point(std::chrono::seconds(1735689600) + std::chrono::nanoseconds(5));
  EXPECT_EQ(rfc3339_nanoseconds(time), "2025-01-01T00:00:00.000000005Z");
}

}  // namespace
}  // namespace instainfer::openwhisk
