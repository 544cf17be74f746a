#include <gtest/gtest.h>

#include "api_harness.hpp"

namespace instainfer::controller {
namespace {

using openwhisk::Json;

const std::string kHello =
    R"({"namespace":"_","name":"ignored","exec":{"kind":"python:default","code":"def main(a): return a\n"}})";

Json annotation(const Json& entity, const std::string& key) {
  for (const Json& pair : entity.at("annotations")) {
    if (pair.at("key") == key) return pair.at("value");
  }
  return nullptr;
}

Response create(ApiHarness& api, const std::string& name, const std::string& body = kHello) {
  return api.send("PUT", actions_path("/" + name) + "?overwrite=false", body);
}

Response update(ApiHarness& api, const std::string& name, const std::string& body) {
  return api.send("PUT", actions_path("/" + name) + "?overwrite=true", body);
}

TEST(Actions, CreatedOneHasDefaultsAndResolvedKind) {
  ApiHarness api;
  EXPECT_EQ(create(api, "hello").status, 200);
  const Json action = json_of(api.send("GET", actions_path("/hello")));
  EXPECT_EQ(action.at("namespace"), "guest");
  EXPECT_EQ(action.at("name"), "hello");
  EXPECT_EQ(action.at("version"), "0.0.1");
  EXPECT_EQ(action.at("exec").at("kind"), "python:3");
  EXPECT_EQ(action.at("exec").at("code"), "def main(a): return a\n");
  EXPECT_EQ(action.at("exec").at("binary"), false);
  EXPECT_EQ(action.at("limits").at("timeout"), 60000);
  EXPECT_EQ(action.at("limits").at("memory"), 256);
  EXPECT_EQ(annotation(action, "exec"), "python:3");
  EXPECT_EQ(annotation(action, "provide-api-key"), false);
  ASSERT_EQ(api.changes.size(), 1u);
  EXPECT_EQ(api.changes[0].name.qualified(), "guest/hello");
}

TEST(Actions, GetLeavesTheCodeOutOnRequestButTellsWhetherItIsBinary) {
  ApiHarness api;
  create(api, "zip", R"({"exec":{"kind":"python:3","code":"UEsDBA=="}})");
  const Json exec = json_of(api.send("GET", actions_path("/zip?code=false"))).at("exec");
  EXPECT_FALSE(exec.contains("code"));
  EXPECT_EQ(exec.at("binary"), true);
}

TEST(Actions, CreatingTwiceIsAConflict) {
  ApiHarness api;
  create(api, "hello");
  const Response again = create(api, "hello");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(error_of(again), "resource already exists");
}

TEST(Actions, UpdateKeepsWhatIsNotGivenAndRaisesTheVersion) {
  ApiHarness api;
  create(api, "hello");
  update(api, "hello", R"({"parameters":[{"key":"place","value":"Kansas"}]})");
  const Json action = json_of(update(api, "hello", R"({"limits":{"memory":512,"timeout":120000}})"));
  EXPECT_EQ(action.at("version"), "0.0.3");
  EXPECT_EQ(action.at("exec").at("code"), "def main(a): return a\n");
  EXPECT_EQ(action.at("parameters"), Json::parse(R"([{"key":"place","value":"Kansas"}])"));
  EXPECT_EQ(action.at("limits").at("memory"), 512);
  EXPECT_EQ(action.at("limits").at("timeout"), 120000);
  EXPECT_EQ(action.at("limits").at("logs"), 10);
}

TEST(Actions, UpdateMergesAnnotationsByKeyAfterRemovingSome) {
  ApiHarness api;
  create(api, "hello");
  update(api, "hello", R"({"annotations":[{"key":"k1","value":"v1"},{"key":"exec","value":"lie"}]})");
  update(api, "hello", R"({"annotations":[{"key":"k2","value":2}]})");
  const Json action = json_of(update(api, "hello", R"({"delAnnotations":["k1"]})"));
  EXPECT_EQ(annotation(action, "k1"), nullptr);
  EXPECT_EQ(annotation(action, "k2"), 2);
  EXPECT_EQ(annotation(action, "exec"), "python:3");
  EXPECT_EQ(annotation(action, "provide-api-key"), false);
}

TEST(Actions, UpdateOfAMissingOneNeedsExec) {
  ApiHarness api;
  const Response response = update(api, "nonex", R"({"parameters":[]})");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(error_of(response), "exec undefined");
}

struct BadBody {
  std::string body;
  std::string text;
};

TEST(Actions, RefusesBodiesThatAreNoAction) {
  ApiHarness api;
  const std::string malformed = "The request content was malformed:\n";
  const std::vector<BadBody> bodies{
      {"[]", malformed + "JSON object expected"},
      {R"({"exec":1})", malformed + "'exec' must be an object"},
      {R"({"exec":{"code":"x"}})", malformed + "'kind' must be a string defined in 'exec'"},
      {R"({"exec":{"kind":"python:3"}})",
       malformed + "'code' must be a string or attachment object defined in 'exec' for 'python:3' actions"},
      {R"({"exec":{"kind":"java:default","code":"UEsDBA=="}})",
       malformed + "'main' must be a string defined in 'exec' for 'java:default' actions"},
      {R"({"exec":{"kind":"old:1","code":"x"}})",
       "The 'old:1' runtime is no longer supported. You may read and delete but not update or invoke this action."},
      {R"({"limits":{"memory":"big"}})", malformed + "'memory' in 'limits' must be an integer"},
      {R"({"limits":{"memory":1.5}})", malformed + "'memory' in 'limits' must be an integer"},
      {R"({"limits":{"memory":99999999}})",
       "requirement failed: memory size 99999999 MB exceeds allowed threshold of 8192 MB"},
      {R"({"limits":{"memory":1}})", "requirement failed: memory size 1 MB below allowed threshold of 128 MB"},
      {R"({"limits":{"timeout":300001}})",
       "requirement failed: duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds"},
      {R"({"limits":{"logs":11}})", "requirement failed: log size 11 MB exceeds allowed threshold of 10 MB"},
      {R"({"limits":{"concurrency":2}})", "requirement failed: concurrency 2 exceeds allowed threshold of 1"},
      {R"({"publish":"yes"})", malformed + "'publish' must be true or false"},
      {R"({"delAnnotations":"k"})", malformed + "'delAnnotations' must be an array of strings"},
  };
  for (const BadBody& bad : bodies) {
    const Response response = create(api, "bad", bad.body);
    EXPECT_EQ(response.status, 400) << bad.body;
    EXPECT_EQ(error_of(response), bad.text) << bad.body;
  }
  for (const std::string body : {"{", "nonsense", R"({"version":"x","exec":{"kind":"python:3","code":""}})",
                                 R"({"parameters":{"a":1}})", R"({"annotations":[{"value":1}]})"}) {
    const Response response = create(api, "bad", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_TRUE(error_of(response).starts_with(malformed)) << body;
  }
}

TEST(Actions, RefusesUnknownKindsAndThoseOfALaterStepNamingTheValidOnes) {
  ApiHarness api;
  for (const std::string kind : {"foo:1", "sequence", "blackbox"}) {
    const Response response = create(api, "bad", R"({"exec":{"kind":")" + kind + R"(","code":"x"}})");
    EXPECT_EQ(response.status, 400);
    EXPECT_NE(error_of(response).find("'" + kind + "'"), std::string::npos);
    EXPECT_NE(error_of(response).find("'torchscript:1'"), std::string::npos);
  }
}

TEST(Actions, TorchScriptCodeIsAZipOrAFunctionDescription) {
  ApiHarness api;
  EXPECT_EQ(create(api, "zip", R"({"exec":{"kind":"torchscript:1","code":"UEsDBA=="}})").status, 200);
  EXPECT_EQ(create(api, "json", R"({"exec":{"kind":"torchscript:1","code":"{\"model\":\"resnet50\"}"}})").status, 200);
  for (const std::string code : {"import torch", "[1]", ""}) {
    const Response response = create(api, "bad", Json{{"exec", {{"kind", "torchscript:1"}, {"code", code}}}}.dump());
    EXPECT_EQ(response.status, 400) << code;
    EXPECT_NE(error_of(response).find("model.pt"), std::string::npos);
  }
}

TEST(Actions, RefusesWhatIsOverASizeLimit) {
  openwhisk::SystemLimits limits;
  limits.max_code = Bytes{100};
  limits.max_parameters = Bytes{50};
  ApiHarness api(limits);
  const Json code{{"exec", {{"kind", "python:3"}, {"code", std::string(98, '#')}, {"main", "abc"}}}};
  const Response too_long = create(api, "big", code.dump());
  EXPECT_EQ(too_long.status, 413);
  EXPECT_EQ(error_of(too_long), "exec larger than allowed: 101 > 100 bytes.");
  const std::string value(48, 'x');
  const Json parameters{{"parameters", Json::array({Json{{"key", "k"}, {"value", value}}})}};
  EXPECT_EQ(error_of(create(api, "big", parameters.dump())), "parameters larger than allowed: 51 > 50 bytes.");
  const Json annotations{{"annotations", parameters.at("parameters")}};
  EXPECT_EQ(error_of(create(api, "big", annotations.dump())), "annotations larger than allowed: 51 > 50 bytes.");
}

TEST(Actions, RefusesIllegalNamesAndForeignNamespaces) {
  ApiHarness api;
  const Response illegal = create(api, "bad%2Aname");
  EXPECT_EQ(illegal.status, 400);
  EXPECT_EQ(error_of(illegal), "The name of the entity contains illegal characters.");
  EXPECT_EQ(error_of(create(api, std::string(257, 'a'))), "Name segement longer than allowed: 257 > 256.");
  EXPECT_EQ(create(api, "sp%20ace").status, 200);
  const Response foreign = api.send("GET", "/api/v1/namespaces/other/actions");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_EQ(error_of(foreign), "The supplied authentication is not authorized to access 'other'.");
  EXPECT_EQ(error_of(api.send("GET", "/api/v1/namespaces/other/actions/x")),
            "The supplied authentication is not authorized to access 'other/x'.");
  EXPECT_EQ(error_of(api.send("GET", "/api/v1/namespaces/-x/actions")), "The namespace contains illegal characters.");
}

TEST(Actions, RefusesOtherContentTypes) {
  ApiHarness api;
  const Response response = api.send("PUT", actions_path("/a"), kHello, {{"Content-Type", "text/plain"}});
  EXPECT_EQ(response.status, 415);
  EXPECT_EQ(error_of(response),
            "The request's Content-Type [text/plain] is not supported. Expected:\napplication/json");
}

TEST(Actions, RefusesAbsurdNestingInsteadOfCrashing) {
  ApiHarness api;
  const std::string deep(200000, '[');
  const Response response = create(api, "deep", R"({"parameters":[{"key":"k","value":)" + deep);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(error_of(response), "The request content was malformed:\nJSON nested deeper than 500 levels");
}

TEST(Actions, ListIsPagedAndCounted) {
  ApiHarness api;
  for (const char* name : {"a", "b", "c"}) create(api, name);
  const Json all = json_of(api.send("GET", actions_path("?limit=30&skip=0")));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_FALSE(all[0].at("exec").contains("code"));
  EXPECT_EQ(annotation(all[0], "exec"), "python:3");
  EXPECT_EQ(json_of(api.send("GET", actions_path("/?limit=1&skip=1"))).size(), 1u);
  EXPECT_EQ(json_of(api.send("GET", actions_path("?limit=0"))).size(), 3u);
  EXPECT_EQ(json_of(api.send("GET", actions_path("?count=true&skip=1"))), (Json{{"actions", 2}}));
}

TEST(Actions, ListRefusesBadPages) {
  ApiHarness api;
  const std::string limit = "The query parameter 'limit' was malformed:\n";
  EXPECT_EQ(error_of(api.send("GET", actions_path("?limit=201"))),
            limit + "The value '201' is not in the range of 0 to 200 for actions.");
  EXPECT_EQ(error_of(api.send("GET", actions_path("?limit=x"))),
            limit + "The value 'x' is not an integer for actions.");
  EXPECT_EQ(error_of(api.send("GET", actions_path("?skip=-1"))),
            "The query parameter 'skip' was malformed:\nThe value '-1' is not greater than or equal to 0 for actions.");
  EXPECT_EQ(api.send("GET", actions_path("?count=maybe")).status, 400);
}

TEST(Actions, DeleteAnswersTheActionAndIsGoneAfterwards) {
  ApiHarness api;
  create(api, "hello");
  const Response removed = api.send("DELETE", actions_path("/hello"));
  EXPECT_EQ(removed.status, 200);
  EXPECT_EQ(json_of(removed).at("name"), "hello");
  EXPECT_TRUE(api.changes.back().deleted);
  const Response again = api.send("DELETE", actions_path("/hello"));
  EXPECT_EQ(again.status, 404);
  EXPECT_EQ(error_of(again), "The requested resource does not exist.");
  EXPECT_EQ(json_of(create(api, "hello")).at("version"), "0.0.1");
}

TEST(Actions, PackagedOnesHaveNoPackageToBeIn) {
  ApiHarness api;
  EXPECT_EQ(create(api, "pkg/act").status, 404);
  EXPECT_EQ(api.send("GET", actions_path("/pkg/act")).status, 404);
  EXPECT_EQ(api.send("GET", actions_path("/pkg/")).status, 404);
  create(api, "act");
  EXPECT_EQ(api.send("GET", actions_path("/act/")).status, 409);
}

}  // namespace
}  // namespace instainfer::controller
