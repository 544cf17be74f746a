// Random damage to good documents: every reader answers with a value or a sentence, and what it accepts it can write
// again.
#include <gtest/gtest.h>

#include <random>

#include "instainfer/openwhisk/activation.hpp"
#include "instainfer/openwhisk/json.hpp"
#include "instainfer/openwhisk/manifest.hpp"

namespace instainfer::openwhisk {
namespace {

constexpr unsigned kSeed = 20240229;
constexpr int kRounds = 6000;

const std::string kAction = R"({"_id":"guest/demo/zip","_rev":"2-bb","annotations":[{"key":"exec","value":"python:3"}],
  "entityType":"action","exec":{"binary":true,"code":"UEsDBA==","kind":"python:3","main":"handler"},
  "limits":{"concurrency":1,"logs":10,"memory":512,"timeout":120000},"name":"zip","namespace":"guest/demo",
  "parameters":[{"encryption":"aes-128","key":"password","value":"AAAADGRl"},{"init":true,"key":"L","value":[1,{"a":null}]}],
  "publish":false,"updated":1735680000000,"version":"0.0.3"})";
const std::string kRecord =
    R"({"_id":"guest/0f1e2d3c4b5a69788796a5b4c3d2e1f0","activationId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0",
  "annotations":[{"key":"path","value":"guest/demo/hello"},{"key":"timeout","value":false}],"duration":119,"end":1735689600882,
  "entityType":"activation","logs":["2025-01-01T00:00:00.879123456Z stdout: greeting Ada"],"name":"hello","namespace":"guest",
  "publish":false,"response":{"result":{"greeting":"Hello"},"size":25,"statusCode":0},"start":1735689600763,"subject":"guest",
  "updated":1735689600884,"version":"0.0.3"})";
const std::string kManifest =
    R"({"runtimes":{"python":[{"kind":"python:3","default":true,"image":{"name":"i","prefix":"p"},
  "stemCells":[{"initialCount":2,"memory":"256 MB"}],"instainfer":{"worker":"python"}}]}})";

/// Flips, removes, repeats or replaces a few bytes.
std::string with_damaged_bytes(std::string text, std::mt19937& random) {
  constexpr std::string_view interesting = "{}[]\",:\\0123456789-eE.ntfu\xFF\xC3 \x01";
  for (unsigned edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
    const std::size_t at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = interesting[random() % interesting.size()];
        break;
      case 1:
        text.erase(at, 1 + random() % 8);
        break;
      case 2:
        text.insert(at, text.substr(random() % text.size(), random() % 40));
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

/// Replaces one value somewhere in the document by one of another type or an extreme one.
Json with_damaged_value(Json document, std::mt19937& random) {
  static const Json strange[] = {nullptr,
                                 true,
                                 -1,
                                 9223372036854775807,
                                 18446744073709551615u,
                                 1e300,
                                 0.5,
                                 "",
                                 "x",
                                 std::string(300, 'n'),
                                 Json::array(),
                                 Json::object(),
                                 Json::array({nullptr})};
  Json* at = &document;
  while (at->is_structured() && !at->empty() && random() % 4 != 0) {
    auto child = at->begin();
    std::advance(child, random() % at->size());
    at = &*child;
  }
  *at = strange[random() % std::size(strange)];
  return document;
}

/// Reads it with every reader; answers how many accepted it.
int read_everywhere(const Json& document) {
  int accepted = 0;
  if (const auto action = action_from_document(document)) {
    EXPECT_TRUE(action_from_document(to_document(*action)));
    (void)execution_hash(*action);
    ++accepted;
  } else {
    EXPECT_FALSE(action.error().message.empty());
  }
  if (const auto record = activation_from_document(document)) {
    EXPECT_TRUE(activation_from_document(to_document(*record)));
    ++accepted;
  } else {
    EXPECT_FALSE(record.error().message.empty());
  }
  return accepted;
}

TEST(MalformedDocuments, DamagedTextsAreReadOrRefused) {
  std::mt19937 random(kSeed);
  int parsed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string& original = round % 3 == 0 ? kAction : round % 3 == 1 ? kRecord : kManifest;
    const std::string text = with_damaged_bytes(original, random);
    if (const auto document = parse_json(text)) {
      ++parsed;
      read_everywhere(*document);
    }
    if (const auto manifest = RuntimesManifest::parse(text); !manifest) EXPECT_FALSE(manifest.error().message.empty());
  }
  EXPECT_GT(parsed, kRounds / 50) << "the damage is too heavy to reach the readers";
}

TEST(MalformedDocuments, DamagedValuesAreReadOrRefused) {
  std::mt19937 random(kSeed);
  const Json originals[] = {Json::parse(kAction), Json::parse(kRecord), Json::parse(kManifest)};
  int accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Json document = with_damaged_value(originals[round % 3], random);
    accepted += read_everywhere(document);
    if (const auto manifest = RuntimesManifest::parse(document.dump()); !manifest) {
      EXPECT_FALSE(manifest.error().message.empty());
    }
  }
  EXPECT_GT(accepted, kRounds / 50) << "the damage is too heavy to reach the readers";
}

TEST(MalformedDocuments, DamagedAnswersOfContainersAlwaysGetAnOutcome) {
  std::mt19937 random(kSeed);
  constexpr std::chrono::milliseconds limit{1000};
  const int statuses[] = {200, 400, 502, 503, 0, 999};
  for (int round = 0; round < kRounds; ++round) {
    ContainerAnswer answer{ContainerAnswer::Kind::answered, statuses[random() % 6],
                           with_damaged_bytes(R"({"error":{"a":["x",1e5]},"b":"\u00e9"})", random), std::nullopt, 0};
    const std::chrono::milliseconds took(random() % 1200);
    const auto run = run_response(answer, took, limit);
    ASSERT_TRUE(run.result.has_value());
    EXPECT_NO_THROW((void)run.result->dump()) << answer.body;
    const auto init = init_response(answer, took, limit);
    EXPECT_EQ(init.result.has_value(), init.status != StatusCode::success);
  }
}

TEST(ParseJson, SaysWhatIsWrong) {
  EXPECT_NE(parse_json("{\"a\": }").error().message.find("parse error at line 1, column 7"), std::string::npos);
  for (const char* text : {"", " ", "{} {}", "[1,]", "\"\x01\"", "{'a':1}", "NaN", "01", "1e999", "nul"}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
  EXPECT_EQ(parse_json(std::string(1001, '[')).error().message, "the JSON nests deeper than 1000 levels");
}

TEST(ParseJson, CountsOnlyBracketsThatNest) {
  EXPECT_TRUE(parse_json('"' + std::string(5000, '[') + '"'));
  EXPECT_TRUE(parse_json(R"(["\"[", "[[["])"));
  std::string wide = "[";
  for (int i = 0; i < 3000; ++i) wide += "[],";
  EXPECT_TRUE(parse_json(wide + "[]]"));
}

}  // namespace
}  // namespace instainfer::openwhisk
