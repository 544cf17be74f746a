#include <gtest/gtest.h>

#include "api_harness.hpp"

namespace instainfer::controller {
namespace {

using openwhisk::Json;
using openwhisk::StatusCode;

const std::string kFailed = R"({"error":"oops"})";

/// An API with the action `echo` that has a stored parameter.
struct Invoking : ::testing::Test {
  static openwhisk::SystemLimits limits() {
    openwhisk::SystemLimits limits;
    limits.invocations_per_minute = -1;
    limits.max_payload = Bytes{1000};
    return limits;
  }
  explicit Invoking(const openwhisk::SystemLimits& with = limits()) : api(with) {
    api.send(
        "PUT", actions_path("/echo"),
        R"({"exec":{"kind":"python:3","code":"x = 1"},"parameters":[{"key":"a","value":1},{"key":"s","value":2,"init":true}]})");
  }
  void answer_with(StatusCode status, const Json& result) {
    api.bus.on_publish = [this, status, result](const openwhisk::ActivationMessage& message) {
      api.bus.acknowledge(combined_ack(record_of(message, status, result)));
    };
  }
  Response invoke(const std::string& query, const std::string& body = "{}") {
    return api.send("POST", actions_path("/echo" + query), body);
  }
  ApiHarness api;
};

std::string activation_header(const Response& response) {
  for (const Header& header : response.headers) {
    if (header.name == "x-openwhisk-activation-id") return header.value;
  }
  return {};
}

TEST_F(Invoking, NonBlockingIsAcceptedAtOnce) {
  const Response response = invoke("?blocking=false&result=false", R"({"a":5,"b":6})");
  EXPECT_EQ(response.status, 202);
  ASSERT_EQ(api.bus.published.size(), 1u);
  const auto& message = api.bus.published[0];
  EXPECT_EQ(json_of(response), (Json{{"activationId", message.activation_id}}));
  EXPECT_EQ(activation_header(response), message.activation_id);
  EXPECT_EQ(message.activation_id.size(), 32u);
  EXPECT_EQ(message.content, (Json{{"a", 5}, {"b", 6}, {"s", 2}}));
  EXPECT_EQ(message.init_args, std::vector<std::string>{"s"});
  EXPECT_EQ(message.action.qualified(), "guest/echo");
  EXPECT_FALSE(message.revision.empty());
  EXPECT_EQ(message.user.subject, "guest");
  EXPECT_FALSE(message.blocking);
}

TEST_F(Invoking, EmptyBodyMeansNoPayload) {
  EXPECT_EQ(invoke("", "").status, 202);
  EXPECT_EQ(api.bus.published.at(0).content, (Json{{"a", 1}, {"s", 2}}));
}

TEST_F(Invoking, BlockingAnswersTheRecordWithoutLogs) {
  api.bus.on_publish = [this](const openwhisk::ActivationMessage& message) {
    auto record = record_of(message, StatusCode::success, Json{{"payload", "Hello"}});
    record.logs = {"line"};
    api.bus.acknowledge(combined_ack(record));
  };
  const Response response = invoke("?blocking=true&result=false");
  EXPECT_EQ(response.status, 200);
  const Json record = json_of(response);
  EXPECT_EQ(record.at("activationId"), activation_header(response));
  EXPECT_EQ(record.at("response").at("status"), "success");
  EXPECT_EQ(record.at("response").at("result"), (Json{{"payload", "Hello"}}));
  EXPECT_EQ(record.at("logs"), Json::array());
}

TEST_F(Invoking, ResultAloneOnRequest) {
  answer_with(StatusCode::success, Json{{"payload", "Hello"}});
  EXPECT_EQ(json_of(invoke("?blocking=true&result=true")), (Json{{"payload", "Hello"}}));
}

TEST_F(Invoking, ArrayResultsAreNeverWrappedInARecord) {
  answer_with(StatusCode::success, Json::array({1, 2, 3}));
  const Response response = invoke("?blocking=true");
  EXPECT_EQ(json_of(response), Json::array({1, 2, 3}));
  EXPECT_EQ(activation_header(response).size(), 32u);
}

TEST_F(Invoking, FailuresOfTheActionAre502AndOursAre500) {
  answer_with(StatusCode::application_error, Json::parse(kFailed));
  EXPECT_EQ(invoke("?blocking=true").status, 502);
  const Response result = invoke("?blocking=true&result=true");
  EXPECT_EQ(result.status, 502);
  EXPECT_EQ(json_of(result), Json::parse(kFailed));
  answer_with(StatusCode::developer_error, Json::parse(kFailed));
  EXPECT_EQ(json_of(invoke("?blocking=true")).at("response").at("status"), "action developer error");
  answer_with(StatusCode::whisk_error, Json::parse(kFailed));
  EXPECT_EQ(invoke("?blocking=true").status, 500);
}

TEST_F(Invoking, BlockingWaitThatExpiresIsAccepted) {
  const Response response = invoke("?blocking=true&timeout=30");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(json_of(response).at("activationId"), api.bus.published.at(0).activation_id);
  EXPECT_EQ(activation_header(response), api.bus.published.at(0).activation_id);
}

TEST_F(Invoking, ResultThatWasOnlyStoredIsFoundWhenTheWaitExpires) {
  api.bus.on_publish = [this](const openwhisk::ActivationMessage& message) {
    api.put_record(record_of(message, StatusCode::success, Json{{"stored", true}}));
  };
  EXPECT_EQ(json_of(invoke("?blocking=true&result=true&timeout=30")), (Json{{"stored", true}}));
}

TEST_F(Invoking, ResultTooLargeForTheBusIsReadFromTheStoreSoon) {
  api.bus.on_publish = [this](const openwhisk::ActivationMessage& message) {
    api.put_record(record_of(message, StatusCode::success, Json{{"stored", true}}));
    openwhisk::Acknowledgement id_only;
    id_only.activation_id = message.activation_id;
    api.bus.acknowledge(id_only);
  };
  EXPECT_EQ(json_of(invoke("?blocking=true&result=true&timeout=20000")), (Json{{"stored", true}}));
}

TEST_F(Invoking, StoppingReleasesBlockingCalls) {
  const auto response = api.begin("POST", actions_path("/echo?blocking=true"), "{}");
  api.run_until([&] { return !api.bus.published.empty(); });
  api.close();
  api.run_until([&] { return response->has_value(); });
  EXPECT_EQ((*response)->status, 202);
}

TEST_F(Invoking, AcknowledgementsNobodyWaitsForAreIgnored) {
  openwhisk::Acknowledgement stray;
  stray.activation_id = "unknown";
  stray.completion = true;
  api.bus.acknowledge(stray);
  EXPECT_EQ(json_of(api.send("GET", "/activation/count")), 0);
}

TEST_F(Invoking, InFlightEndsWithTheCompletionNotWithTheResult) {
  api.bus.on_publish = [this](const openwhisk::ActivationMessage& message) {
    auto ack = combined_ack(record_of(message, StatusCode::success, Json::object()));
    ack.completion = false;
    api.bus.acknowledge(ack);
  };
  EXPECT_EQ(invoke("?blocking=true").status, 200);
  const std::string id = api.bus.published.at(0).activation_id;
  EXPECT_EQ(json_of(api.send("GET", "/activation")), Json::array({Json::array({id, "guest/echo"})}));
  openwhisk::Acknowledgement completion;
  completion.activation_id = id;
  completion.completion = true;
  api.bus.acknowledge(completion);
  EXPECT_EQ(json_of(api.send("GET", "/activation/count")), 0);
}

TEST_F(Invoking, RefusesMissingActionsAndBadPayloads) {
  EXPECT_EQ(error_of(api.send("POST", actions_path("/nothere"), "{}")), "The requested resource does not exist.");
  for (const std::string body : {"[1]", "5", "\"x\""}) {
    const Response response = invoke("", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(error_of(response), "The request content was malformed:\nJSON object expected");
  }
  EXPECT_TRUE(error_of(invoke("", "{nonsense")).starts_with("The request content was malformed:\n"));
  const std::string large(1001, ' ');
  const Response too_large = invoke("", large);
  EXPECT_EQ(too_large.status, 413);
  EXPECT_EQ(error_of(too_large), "Request larger than allowed: 1001 > 1000 bytes.");
  EXPECT_EQ(error_of(invoke("?blocking=true&timeout=60001")),
            "The query parameter 'timeout' was malformed:\nTimeout must be number of milliseconds up to 60000.");
  EXPECT_TRUE(api.bus.published.empty());
}

TEST_F(Invoking, FinalParametersCannotBeOverridden) {
  api.send("PUT", actions_path("/fixed"),
           R"({"exec":{"kind":"python:3","code":"x"},"annotations":[{"key":"final","value":true}],
               "parameters":[{"key":"place","value":"here"},{"key":"open","value":null}]})");
  const Response response = api.send("POST", actions_path("/fixed"), R"({"place":"there"})");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(error_of(response), "Request defines parameters that are not allowed (e.g., reserved properties).");
  EXPECT_EQ(api.send("POST", actions_path("/fixed"), R"({"open":1})").status, 202);
}

TEST_F(Invoking, NoInvokerIsUnavailableAndTakesNoPlace) {
  api.bus.available = false;
  const Response response = invoke("?blocking=true");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(error_of(response),
            "The server is currently unavailable (because it is overloaded or down for maintenance).");
  EXPECT_EQ(json_of(api.send("GET", "/activation/count")), 0);
}

TEST(InvokeThrottle, RefusesTheOneOverTheLimitOfTheMinute) {
  openwhisk::SystemLimits limits;
  limits.invocations_per_minute = 2;
  // A minute of the clock may end in between; then the count starts again, once.
  for (int attempt = 0; attempt < 2; ++attempt) {
    ApiHarness api(limits);
    EXPECT_EQ(api.send("POST", actions_path("/nothere")).status, 404);
    EXPECT_EQ(api.send("POST", actions_path("/nothere")).status, 404);
    const Response third = api.send("POST", actions_path("/nothere"));
    if (third.status == 404 && attempt == 0) continue;
    EXPECT_EQ(third.status, 429);
    EXPECT_EQ(error_of(third), "Too many requests in the last minute (count: 3, allowed: 2).");
    return;
  }
}

TEST(InvokeThrottle, RefusesMoreThanTheLimitInFlightUntilOneCompletes) {
  openwhisk::SystemLimits limits;
  limits.invocations_per_minute = -1;
  limits.concurrent_invocations = 1;
  ApiHarness api(limits);
  api.send("PUT", actions_path("/a"), R"({"exec":{"kind":"python:3","code":"x"}})");
  EXPECT_EQ(api.send("POST", actions_path("/a")).status, 202);
  const Response second = api.send("POST", actions_path("/a"));
  EXPECT_EQ(second.status, 429);
  EXPECT_EQ(error_of(second), "Too many concurrent requests in flight (count: 1, allowed: 1).");
  api.bus.acknowledge(combined_ack(record_of(api.bus.published.at(0), StatusCode::success, Json::object())));
  EXPECT_EQ(api.send("POST", actions_path("/a")).status, 202);
}

TEST(InvokeThrottle, TheUsersOwnLimitCountsAndZeroBlocks) {
  auto users = default_users();
  users[0].limits.concurrent_invocations = 0;
  ApiHarness api({}, users);
  EXPECT_EQ(error_of(api.send("POST", actions_path("/a"))),
            "Too many concurrent requests in flight (count: 0, allowed: 0).");
}

}  // namespace
}  // namespace instainfer::controller
