#include <gtest/gtest.h>

#include "api_harness.hpp"

namespace instainfer::controller {
namespace {

using openwhisk::Json;

std::string path(const std::string& rest) {
  return "/api/v1/namespaces/_/activations" + rest;
}

/// Record number `n` of guest's `name`, started n milliseconds after the epoch.
openwhisk::Activation record(int n, const std::string& name) {
  openwhisk::ActivationMessage message;
  message.action = {"guest", "", name};
  message.user = default_users()[0];
  message.transaction.start = EpochMillis(std::chrono::milliseconds(n));
  message.activation_id = std::string(31, '0') + std::to_string(n);
  auto activation = record_of(message, openwhisk::StatusCode::success, Json{{"n", n}});
  activation.logs = {"2024-01-02T03:04:05.123456789Z stdout: hi"};
  return activation;
}

struct Activations : ::testing::Test {
  Activations() {
    for (int n = 1; n <= 3; ++n) api.put_record(record(n, n == 2 ? "other" : "hello"));
  }
  Json get(const std::string& rest) { return json_of(api.send("GET", path(rest))); }
  ApiHarness api;
};

TEST_F(Activations, ListIsNewestFirstWithoutResults) {
  const Json list = get("?limit=30&skip=0");
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].at("start"), 3);
  EXPECT_EQ(list[0].at("statusCode"), 0);
  EXPECT_FALSE(list[0].contains("response"));
  EXPECT_EQ(get("?limit=1&skip=1")[0].at("start"), 2);
}

TEST_F(Activations, ListWithDocsHasFullRecords) {
  EXPECT_EQ(get("?docs=true&limit=1")[0].at("response").at("result"), (Json{{"n", 3}}));
}

TEST_F(Activations, ListFiltersByNameAndTime) {
  EXPECT_EQ(get("?name=hello").size(), 2u);
  EXPECT_EQ(get("?name=pkg/hello").size(), 0u);
  EXPECT_EQ(get("?since=2&upto=2").at(0).at("name"), "other");
  EXPECT_EQ(get("?count=true"), (Json{{"activations", 3}}));
  EXPECT_EQ(get("?count=true&name=hello&skip=1"), (Json{{"activations", 1}}));
}

TEST_F(Activations, ListRefusesBadQueries) {
  EXPECT_EQ(error_of(api.send("GET", path("?name=a/b/c"))),
            "The query parameter 'name' was malformed:\nParameter may be a 'simple' name or 'package-name/simple' "
            "name: a/b/c");
  EXPECT_EQ(error_of(api.send("GET", path("?since=x"))),
            "The query parameter 'since' was malformed:\nParameter is not a valid value for epoch seconds: x");
  EXPECT_EQ(
      error_of(api.send("GET", path("?limit=201"))),
      "The query parameter 'limit' was malformed:\nThe value '201' is not in the range of 0 to 200 for activations.");
  EXPECT_EQ(error_of(api.send("GET", path("?docs=true&count=true"))),
            "The parameter 'docs' is not permitted with 'count'.");
}

TEST_F(Activations, GetAnswersRecordLogsAndResult) {
  const std::string id = "/" + record(1, "hello").activation_id;
  EXPECT_EQ(get(id).at("logs").size(), 1u);
  EXPECT_EQ(get(id).at("response").at("status"), "success");
  EXPECT_EQ(get(id + "/logs"), (Json{{"logs", {"2024-01-02T03:04:05.123456789Z stdout: hi"}}}));
  const Json result = get(id + "/result");
  EXPECT_EQ(result.at("result"), (Json{{"n", 1}}));
  EXPECT_EQ(result.at("success"), true);
}

TEST_F(Activations, GetRefusesBadUnknownAndForeignIds) {
  const Response bad = api.send("GET", path("/abc"));
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(error_of(bad), "Activation id length is 3 but must be 32.");
  EXPECT_EQ(api.send("GET", path("/" + std::string(32, 'z'))).status, 400);
  const Response unknown = api.send("GET", path("/0123456789abcdef0123456789abcdef"));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(error_of(unknown), "The requested resource does not exist.");
  const auto system = default_users()[1];
  const std::string id = record(1, "hello").activation_id;
  EXPECT_EQ(api.send_as(system.auth_uuid + ":" + system.auth_key, "GET", path("/" + id)).status, 404);
  EXPECT_EQ(api.send("GET", "/api/v1/namespaces/whisk.system/activations/" + id).status, 403);
  EXPECT_EQ(api.send("DELETE", path("/" + id)).status, 405);
}

}  // namespace
}  // namespace instainfer::controller
