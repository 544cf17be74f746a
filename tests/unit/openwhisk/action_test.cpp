#include <gmock/gmock.h>

#include "instainfer/openwhisk/json.hpp"

namespace instainfer::openwhisk {
namespace {

using ::testing::HasSubstr;

Action an_action() {
  Action action;
  action.name = {"guest", "demo", "hello"};
  action.exec.kind = "python:3";
  action.exec.code = "def main(args): return args";
  action.exec.main = "main";
  action.parameters = {{"LOG_LEVEL", "debug", true, {}}, {"password", "AAAADGRl", false, "aes-128"}};
  action.annotations = {{"provide-api-key", false, false, {}}, {"exec", "python:3", false, {}}};
  action.version = {0, 0, 3};
  action.updated = EpochMillis(std::chrono::milliseconds(1735680000000));
  return action;
}

TEST(ActionJson, IsWhatTheRestApiShows) {
  const Json expected = Json::parse(R"({
    "namespace": "guest/demo", "name": "hello", "version": "0.0.3", "publish": false, "updated": 1735680000000,
    "exec": {"kind": "python:3", "binary": false, "main": "main", "code": "def main(args): return args"},
    "limits": {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1},
    "parameters": [{"key": "LOG_LEVEL", "value": "debug", "init": true},
                   {"key": "password", "value": "AAAADGRl", "encryption": "aes-128"}],
    "annotations": [{"key": "provide-api-key", "value": false}, {"key": "exec", "value": "python:3"}]})");
  EXPECT_EQ(to_json(an_action(), WithCode::yes), expected);
}

TEST(ActionJson, LeavesOnlyTheCodeOutWhenNotAskedForIt) {
  Json expected = to_json(an_action(), WithCode::yes);
  expected["exec"].erase("code");
  EXPECT_EQ(to_json(an_action(), WithCode::no), expected);
  EXPECT_TRUE(to_json(an_action(), WithCode::no)["exec"].contains("binary"));  // wsk crashes without it
}

TEST(ActionJson, ShowsASequenceByItsComponents) {
  Action sequence = an_action();
  sequence.exec = {};
  sequence.exec.kind = "sequence";
  sequence.exec.components = {"/guest/a", "/guest/pkg/b"};
  EXPECT_EQ(to_json(sequence, WithCode::yes)["exec"],
            Json::parse(R"({"kind": "sequence", "components": ["/guest/a", "/guest/pkg/b"]})"));
  EXPECT_EQ(action_from_document(to_document(sequence))->exec, sequence.exec);
}

TEST(ActionJson, SummaryHasOfExecOnlyBinaryAndNoParameters) {
  const Json summary = to_summary_json(an_action());
  EXPECT_EQ(summary["exec"], Json::parse(R"({"binary": false})"));
  EXPECT_FALSE(summary.contains("parameters"));
  for (const char* member : {"namespace", "name", "version", "publish", "annotations", "limits", "updated"}) {
    EXPECT_TRUE(summary.contains(member)) << member;
  }
}

TEST(ActionDocument, SurvivesTheRoundTrip) {
  Action action = an_action();
  action.revision = "2-bb";
  const Json document = to_document(action);
  EXPECT_EQ(document["_id"], "guest/demo/hello");
  EXPECT_EQ(document["_rev"], "2-bb");
  EXPECT_EQ(document["entityType"], "action");
  const auto read = action_from_document(document);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_document(*read), document);
}

TEST(ActionDocument, ComputesBinaryFromTheCodeInsteadOfBelievingIt) {
  Json document = to_document(an_action());
  document["exec"]["binary"] = true;
  EXPECT_FALSE(action_from_document(document)->exec.binary);
  document["exec"]["code"] = " UEsDBA== ";
  document["exec"]["binary"] = false;
  EXPECT_TRUE(action_from_document(document)->exec.binary);
}

TEST(ActionDocument, TrimsAndLowersTheKind) {
  Json document = to_document(an_action());
  document["exec"]["kind"] = "  Python:3 ";
  EXPECT_EQ(action_from_document(document)->exec.kind, "python:3");
}

TEST(ActionDocument, IgnoresUnknownMembersAndReadsNullAsAbsent) {
  Json document = to_document(an_action());
  document["future"] = 1;
  document["exec"]["main"] = nullptr;
  const auto action = action_from_document(document);
  ASSERT_TRUE(action) << action.error().message;
  EXPECT_EQ(action->exec.main, std::nullopt);
}

TEST(ActionDocument, GivesLogsAndConcurrencyTheirDefaults) {
  Json document = to_document(an_action());
  document["limits"] = {{"timeout", 100}, {"memory", 128}};
  const auto action = action_from_document(document);
  ASSERT_TRUE(action);
  EXPECT_EQ(action->limits.logs, mebibytes(10));
  EXPECT_EQ(action->limits.concurrency, 1);
}

/// A document made wrong in one place and the error that names the place.
struct WrongDocument {
  const char* pointer;
  Json value;  // discarded: the member is removed
  const char* message;
};
const Json kRemoved(Json::value_t::discarded);
const std::vector<WrongDocument> kWrongDocuments{
    WrongDocument{"/namespace", kRemoved, "action document: member 'namespace' is missing; it must be a string"},
    WrongDocument{"/namespace", 7, "action document: member 'namespace' must be a string"},
    WrongDocument{"/namespace", "a/b/c", "member 'namespace' holds no valid package name"},
    WrongDocument{"/namespace", "guest/", "member 'namespace' holds no valid package name"},
    WrongDocument{"/namespace", "*", "member 'namespace' holds no valid namespace name"},
    WrongDocument{"/name", "a/b", "member 'name' is no valid entity name"},
    WrongDocument{"/exec", kRemoved, "member 'exec' is missing"},
    WrongDocument{"/exec", Json::array(), "exec must be a JSON object, but is array"},
    WrongDocument{"/exec/kind", kRemoved, "exec: member 'kind' is missing"},
    WrongDocument{"/exec/code", {{"attachmentName", "couch:1"}}, "exec: member 'code' is an attachment"},
    WrongDocument{"/exec/code", 5, "exec: member 'code' must be a string"},
    WrongDocument{"/exec/binary", "no", "exec: member 'binary' must be true or false"},
    WrongDocument{"/parameters", kRemoved, "member 'parameters' is missing"},
    WrongDocument{"/parameters", Json::object(), "parameters must be an array"},
    WrongDocument{"/parameters/1/key", kRemoved, "parameters, element 1: member 'key' is missing"},
    WrongDocument{"/parameters/0/value", kRemoved, "parameters, element 0: member 'value' is missing"},
    WrongDocument{"/parameters/0/init", 1, "member 'init' must be true or false"},
    WrongDocument{"/annotations/0", "x", "annotations, element 0 must be a JSON object, but is string"},
    WrongDocument{"/limits", kRemoved, "member 'limits' is missing"},
    WrongDocument{"/limits/memory", kRemoved, "limits: member 'memory' is missing"},
    WrongDocument{"/limits/timeout", "60s", "limits: member 'timeout' must be a whole number"},
    WrongDocument{"/limits/logs", nullptr, "limits: member 'logs' must be a whole number"},
    WrongDocument{"/limits/memory", 0.5, "limits: member 'memory' must be a whole number"},
    WrongDocument{"/limits/memory", -1, "limits: member 'memory' is -1; it must be from 0 to 2147483647"},
    WrongDocument{"/limits/memory", 9000000000, "it must be from 0 to 2147483647"},
    WrongDocument{"/version", "0.0.0", "member 'version': '0.0.0' is no version"},
    WrongDocument{"/publish", kRemoved, "member 'publish' must be true or false"},
    WrongDocument{"/updated", "today", "member 'updated' must be a whole number"}};

TEST(ActionDocument, IsRefusedWithTheWrongMemberNamed) {
  for (const auto& [place, value, message] : kWrongDocuments) {
    Json document = to_document(an_action());
    const Json::json_pointer pointer(place);
    if (value.is_discarded())
      document[pointer.parent_pointer()].erase(pointer.back());
    else
      document[pointer] = value;
    const auto action = action_from_document(document);
    ASSERT_FALSE(action) << place;
    EXPECT_EQ(action.error().code, ErrorCode::invalid_argument) << place;
    EXPECT_THAT(action.error().message, HasSubstr(message)) << place;
  }
}

TEST(ActionLimits, MergePerMember) {
  ActionLimits old;
  old.memory = mebibytes(512);
  const auto merged = action_limits_from_json({{"timeout", 5000.0}}, old);
  ASSERT_TRUE(merged);
  EXPECT_EQ(merged->timeout, std::chrono::seconds(5));
  EXPECT_EQ(merged->memory, mebibytes(512));
}

TEST(KeyValues, FindsTheFirstValueOfAKey) {
  const KeyValues values = an_action().annotations;
  ASSERT_NE(find_value(values, "exec"), nullptr);
  EXPECT_EQ(*find_value(values, "exec"), "python:3");
  EXPECT_EQ(find_value(values, "missing"), nullptr);
}

TEST(Truthiness, FollowsOpenWhisk) {
  for (const Json& value : {Json(true), Json(1), Json(-0.5), Json("x"), Json("false"), Json::object(), Json::array()}) {
    EXPECT_TRUE(is_truthy(value)) << value;
  }
  for (const Json& value : {Json(false), Json(0), Json(0.0), Json(""), Json(nullptr)})
    EXPECT_FALSE(is_truthy(value)) << value;
}

TEST(ExecutionHash, ChangesWithEverythingThatIsExecuted) {
  const std::string hash = execution_hash(an_action());
  const auto changed = [&](auto change) {
    Action action = an_action();
    change(action);
    return execution_hash(action) != hash;
  };
  EXPECT_TRUE(changed([](Action& a) { a.exec.kind = "python:4"; }));
  EXPECT_TRUE(changed([](Action& a) { *a.exec.code += ' '; }));
  EXPECT_TRUE(changed([](Action& a) { a.exec.main = "other"; }));
  EXPECT_TRUE(changed([](Action& a) { a.exec.binary = true; }));
  EXPECT_TRUE(changed([](Action& a) { a.exec.image = "team/img"; }));
  EXPECT_TRUE(changed([](Action& a) { a.parameters[0].value = "info"; }));
  EXPECT_TRUE(changed([](Action& a) { a.parameters[0].init = false; }));
  EXPECT_TRUE(changed([](Action& a) { a.parameters[1].encryption.reset(); }));
  EXPECT_TRUE(changed([](Action& a) { a.annotations.pop_back(); }));
  EXPECT_TRUE(changed([](Action& a) { a.limits.memory = mebibytes(512); }));
  EXPECT_TRUE(changed([](Action& a) { a.limits.timeout = std::chrono::seconds(1); }));
}

TEST(ExecutionHash, StaysTheSameForWhatIsNotExecuted) {
  Action action = an_action();
  action.revision = "9-zz";
  action.updated = {};
  std::swap(action.parameters[0], action.parameters[1]);  // order has no meaning
  EXPECT_EQ(execution_hash(action), execution_hash(an_action()));
}

}  // namespace
}  // namespace instainfer::openwhisk
