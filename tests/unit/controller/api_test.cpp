#include <gtest/gtest.h>

#include "api_harness.hpp"

namespace instainfer::controller {
namespace {

std::string header_of(const Response& response, std::string_view name) {
  for (const Header& header : response.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

TEST(Api, AnswersPingAndInfoWithoutCredentials) {
  ApiHarness api;
  const std::vector<Header> nobody{{"Authorization", ""}};
  const Response ping = api.send("GET", "/ping", "", nobody);
  EXPECT_EQ(ping.status, 200);
  EXPECT_EQ(ping.body, "pong");
  const openwhisk::Json info = json_of(api.send("GET", "/api/v1", "", nobody));
  EXPECT_EQ(info.at("api_version_path"), "v1");
  EXPECT_EQ(info.at("build"), "2026-01-01");
  EXPECT_EQ(info.at("buildno"), "0.1.0");
}

TEST(Api, TellsTheRealLimitsAndRuntimes) {
  openwhisk::SystemLimits limits;
  limits.max_memory = Bytes{2LL << 30};
  limits.invocations_per_minute = 77;
  ApiHarness api(limits);
  const openwhisk::Json info = json_of(api.send("GET", "/"));
  EXPECT_EQ(info.at("limits").at("max_action_memory"), 2LL << 30);
  EXPECT_EQ(info.at("limits").at("actions_per_minute"), 77);
  EXPECT_EQ(info.at("runtimes").at("torchscript").at(0).at("kind"), "torchscript:1");
}

TEST(Api, TellsTheCallersOwnLimits) {
  auto users = default_users();
  users[0].limits.invocations_per_minute = 5;
  ApiHarness api({}, users);
  const openwhisk::Json limits = json_of(api.send("GET", "/api/v1/namespaces/_/limits"));
  EXPECT_EQ(limits.at("invocationsPerMinute"), 5);
  EXPECT_EQ(limits.at("concurrentInvocations"), 30);
  EXPECT_EQ(limits.at("maxParameterSize"), "1048576 B");
}

TEST(Api, NamesTheNamespaceOfTheCaller) {
  ApiHarness api;
  EXPECT_EQ(json_of(api.send("GET", "/api/v1/namespaces")), openwhisk::Json::array({"guest"}));
}

TEST(Api, RefusesMissingAndWrongCredentials) {
  ApiHarness api;
  const Response missing = api.send("GET", "/api/v1/namespaces", "", {{"Authorization", "Bearer x"}});
  EXPECT_EQ(missing.status, 401);
  EXPECT_EQ(header_of(missing, "WWW-Authenticate"), "Basic realm=\"OpenWhisk secure realm\"");
  for (const std::string& credentials :
       std::vector<std::string>{"bad:key", "", "no colon", guest_credentials() + "x"}) {
    const Response wrong = api.send_as(credentials, "GET", "/api/v1/namespaces");
    EXPECT_EQ(wrong.status, 401) << credentials;
    EXPECT_EQ(error_of(wrong), "The supplied authentication is invalid");
  }
}

TEST(Api, AnswersUnknownPathsAndWrongMethodsWithErrorJson) {
  ApiHarness api;
  const Response unknown = api.send("GET", "/api/v1/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(error_of(unknown), "The requested resource could not be found.");
  const Response method = api.send("PATCH", actions_path("/a"));
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(error_of(method), "HTTP method not allowed, supported methods: GET, PUT, DELETE, POST");
  EXPECT_EQ(api.send("GET", "/api/v1/namespaces/_/actions/%zz").status, 404);
}

TEST(Api, EchoesTheClientsRequestIdUnlessItLooksLikeASystems) {
  ApiHarness api;
  EXPECT_EQ(header_of(api.send("GET", "/ping", "", {{"X-Request-ID", "mine"}}), "X-Request-ID"), "mine");
  const std::string fresh = header_of(api.send("GET", "/ping", "", {{"X-Request-ID", "sid_x"}}), "X-Request-ID");
  EXPECT_EQ(fresh.size(), 32u);
}

TEST(Api, AllowsCrossOriginCalls) {
  ApiHarness api;
  const Response preflight = api.send("OPTIONS", actions_path("/a"), "", {{"Authorization", ""}});
  EXPECT_EQ(preflight.status, 200);
  EXPECT_EQ(header_of(preflight, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header_of(api.send("GET", "/api/v1"), "Access-Control-Allow-Methods"), "GET, DELETE, POST, PUT, HEAD");
}

TEST(Api, ListsNoPackagesTriggersRulesAndSaysThatThereAreNone) {
  ApiHarness api;
  for (const std::string collection : {"packages", "triggers", "rules"}) {
    const std::string path = "/api/v1/namespaces/_/" + collection;
    EXPECT_EQ(json_of(api.send("GET", path + "?limit=30&skip=0")), openwhisk::Json::array());
    EXPECT_EQ(api.send("GET", path + "?limit=201").status, 400);
    EXPECT_EQ(api.send("GET", path + "/x").status, 404);
    const Response put = api.send("PUT", path + "/x?overwrite=false", "{}");
    EXPECT_EQ(put.status, 501);
    EXPECT_EQ(error_of(put), "This server has no " + collection + ".");
  }
}

TEST(Api, ReportsItsInvokerAsDownAfterItRefusedWork) {
  ApiHarness api;
  EXPECT_EQ(json_of(api.send("GET", "/invokers")).at("invoker0/0"), "up");
  EXPECT_EQ(api.send("GET", "/invokers/ready").status, 200);
  api.send("PUT", actions_path("/a"), R"({"exec":{"kind":"python:3","code":"x = 1"}})");
  api.bus.available = false;
  EXPECT_EQ(api.send("POST", actions_path("/a")).status, 503);
  EXPECT_EQ(json_of(api.send("GET", "/invokers")).at("invoker0/0"), "down");
  EXPECT_EQ(api.send("GET", "/invokers/ready").status, 500);
}

}  // namespace
}  // namespace instainfer::controller
