#include "requests.hpp"

#include <gtest/gtest.h>

#include "builders.hpp"

namespace instainfer::invoker {
namespace {

using namespace std::chrono_literals;

struct RequestsTest : ::testing::Test {
  RequestsTest() {
    function.ns = "guest";
    function.action = testing::an_action("f");
    function.action.annotations.push_back({"provide-api-key", false, false, {}});
    function.code = *function.action.exec.code;
    function.key = "f0-abc";
  }
  Function function;
  openwhisk::ActivationMessage message = testing::a_message("f");
  EpochMillis deadline{5000ms};
};

TEST_F(RequestsTest, InitCarriesCodeEnvironmentAndWorker) {
  message.init_args = {"secret"};
  const auto body = init_body(function, message, deadline, {.function = "f0-abc", .uid = 7});
  EXPECT_EQ(body["value"]["name"], "f");
  EXPECT_EQ(body["value"]["main"], "main");
  EXPECT_EQ(body["value"]["code"], function.code);
  EXPECT_EQ(body["value"]["env"]["secret"], "x");
  EXPECT_EQ(body["value"]["env"]["__OW_ACTION_NAME"], "/guest/f");
  EXPECT_EQ(body["value"]["env"]["__OW_DEADLINE"], "5000");
  EXPECT_EQ(body["worker"]["uid"], 7);
}

TEST_F(RequestsTest, AllMembersOfRunButItsValueAreStrings) {
  const auto body = run_body(function, message, deadline);
  for (const auto& [key, value] : body.items()) {
    if (key != "value") EXPECT_TRUE(value.is_string()) << key;
  }
  EXPECT_EQ(body["function"], "f0-abc");
  EXPECT_EQ(body["value"], (openwhisk::Json{{"a", 1}, {"secret", "x"}}));
}

TEST_F(RequestsTest, InitArgumentsDoNotReachRun) {
  message.init_args = {"secret"};
  EXPECT_EQ(run_body(function, message, deadline)["value"], (openwhisk::Json{{"a", 1}}));
}

TEST_F(RequestsTest, TheApiKeyIsGivenOnlyWhereTheAnnotationIsMissingOrTrue) {
  EXPECT_FALSE(run_body(function, message, deadline).contains("api_key"));
  function.action.annotations.clear();
  EXPECT_EQ(run_body(function, message, deadline)["api_key"], "uuid:key");
  EXPECT_EQ(init_body(function, message, deadline, {})["value"]["env"]["__OW_API_KEY"], "uuid:key");
}

TEST_F(RequestsTest, APreloadKnowsNoActivationDeadlineOrKey) {
  function.action.annotations.clear();
  const auto environment = preload_request(function, {}).init["env"];
  EXPECT_FALSE(environment.contains("__OW_ACTIVATION_ID"));
  EXPECT_FALSE(environment.contains("__OW_DEADLINE"));
  EXPECT_FALSE(environment.contains("__OW_API_KEY"));
  EXPECT_EQ(environment["__OW_NAMESPACE"], "guest");
}

}  // namespace
}  // namespace instainfer::invoker
