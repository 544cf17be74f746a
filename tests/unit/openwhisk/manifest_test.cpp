#include "instainfer/openwhisk/manifest.hpp"

#include <gmock/gmock.h>

#include "instainfer/base/files.hpp"

namespace instainfer::openwhisk {
namespace {

using ::testing::HasSubstr;

std::string one_runtime(const std::string& members) {
  return R"({"runtimes": {"python": [{"kind": "python:3", "image": {"name": "img"})" + members + "}]}}";
}

std::string error_of(const std::string& text) {
  const auto manifest = RuntimesManifest::parse(text);
  return manifest ? "" : manifest.error().message;
}

RuntimesManifest shipped(const char* name) {
  const auto text = read_file(std::filesystem::path(INSTAINFER_SOURCE_DIR) / "configs" / name);
  if (!text) throw std::runtime_error(text.error().message);
  auto manifest = RuntimesManifest::parse(*text);
  if (!manifest) throw std::runtime_error(manifest.error().message);
  return *std::move(manifest);
}

TEST(ShippedManifests, OfferTorchscriptAndPython) {
  for (const char* name : {"runtimes.json", "demo-runtimes.json"}) {
    const RuntimesManifest manifest = shipped(name);
    EXPECT_EQ(manifest.valid_kinds(), "'python:3', 'torchscript:1'") << name;
    EXPECT_EQ(manifest.find("torchscript:1")->worker, WorkerType::torchscript) << name;
    EXPECT_EQ(manifest.find("python:default")->worker, WorkerType::python) << name;
  }
}

TEST(ShippedManifests, OnlyTheDemoHasStemCells) {
  EXPECT_TRUE(shipped("runtimes.json").find("torchscript:1")->stem_cells.empty());
  const RuntimesManifest demo = shipped("demo-runtimes.json");
  const Runtime* torchscript = demo.find("torchscript:1");
  ASSERT_EQ(torchscript->stem_cells.size(), 1u);
  EXPECT_EQ(torchscript->stem_cells[0].initial_count, 2);
  EXPECT_EQ(torchscript->stem_cells[0].memory, mebibytes(2048));
}

constexpr const char* kStock = R"({
  "description": "ignored",
  "blackboxes": [{"name": "dockerskeleton", "prefix": "openwhisk", "tag": "nightly"}],
  "runtimes": {
    "nodejs": [
      {"kind": "nodejs:18", "image": {"prefix": "openwhisk", "name": "action-nodejs-v18", "tag": "nightly"}, "deprecated": true},
      {"kind": "nodejs:20", "default": true, "deprecated": false,
       "image": {"registry": "reg.example:5000", "prefix": "openwhisk", "name": "action-nodejs-v20", "tag": "nightly"},
       "attached": {"attachmentName": "codefile", "attachmentType": "text/plain"},
       "stemCells": [{"initialCount": 2, "memory": "256 MB",
                      "reactive": {"minCount": 1, "maxCount": 4, "ttl": "2 minutes", "threshold": 1, "increment": 1}}]}],
    "java": [{"kind": "java:8", "image": {"name": "java8action"}, "requireMain": true, "sentinelledLogs": false,
              "stemCells": [{"count": 1, "memory": "1 GB"}]}]}})";

TEST(Manifest, AcceptsAStockOne) {
  const auto manifest = RuntimesManifest::parse(kStock);
  ASSERT_TRUE(manifest) << manifest.error().message;
  const Runtime* node = manifest->find("nodejs:20");
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->image, "reg.example:5000/openwhisk/action-nodejs-v20:nightly");
  EXPECT_TRUE(node->is_default && node->attached && node->sentinelled_logs && !node->deprecated && !node->require_main);
  ASSERT_EQ(node->stem_cells.size(), 1u);
  EXPECT_EQ(node->stem_cells[0].memory, mebibytes(256));
  EXPECT_EQ(node->worker, std::nullopt);
  const Runtime* java = manifest->find("java:8");
  EXPECT_TRUE(java->require_main && !java->sentinelled_logs && java->is_default);
  EXPECT_EQ(java->stem_cells[0].initial_count, 1);
  EXPECT_EQ(java->stem_cells[0].memory, mebibytes(1024));
}

TEST(Manifest, FindsKindsTrimmedInAnyCaseAndByDefault) {
  const auto manifest = RuntimesManifest::parse(kStock);
  EXPECT_EQ(manifest->find(" NodeJS:20\n")->kind, "nodejs:20");
  EXPECT_EQ(manifest->find("nodejs:default")->kind, "nodejs:20");
  EXPECT_EQ(manifest->find("java:default")->kind, "java:8");
  for (const char* kind : {"", "nodejs", "nodejs:21", "ruby:default", ":default", "default", "nodejs:"}) {
    EXPECT_EQ(manifest->find(kind), nullptr) << kind;
  }
}

TEST(Manifest, ShowsFamiliesAsTheInfoEndpointDoes) {
  EXPECT_EQ(RuntimesManifest::parse(kStock)->to_info_json()["java"], Json::parse(R"([{"kind": "java:8",
    "image": "java8action", "deprecated": false, "default": true, "attached": false, "requireMain": true}])"));
}

TEST(Manifest, NamesFamilyAndKindOfWhatIsWrong) {
  const auto in_kind = [](const std::string& members) { return error_of(one_runtime(members)); };
  const std::string where = "runtimes manifest: family 'python', kind 'python:3'";
  EXPECT_THAT(in_kind(R"(, "default": "yes")"), HasSubstr(where + ": member 'default' must be true or false"));
  EXPECT_THAT(in_kind(R"(, "attached": true)"), HasSubstr(where + ": member 'attached' must be an object"));
  EXPECT_THAT(in_kind(R"(, "stemCells": {})"), HasSubstr(where + ": member 'stemCells' must be an array"));
  EXPECT_THAT(in_kind(R"(, "stemCells": [{"initialCount": 1}])"),
              HasSubstr(where + ": stemCells element 0: member 'memory' is missing"));
  EXPECT_THAT(in_kind(R"(, "stemCells": [{"memory": "256 MB"}])"), HasSubstr("member 'initialCount' is missing"));
  EXPECT_THAT(in_kind(R"(, "stemCells": [{"initialCount": 0, "memory": "256 MB"}])"), HasSubstr("must be from 1 to"));
  EXPECT_THAT(in_kind(R"(, "stemCells": [{"initialCount": 1, "memory": "256 Mibble"}])"), HasSubstr("is no size"));
  EXPECT_THAT(in_kind(R"(, "stemCells": [{"initialCount": 1, "memory": "0 MB"}])"), HasSubstr("must be above 0"));
  EXPECT_THAT(in_kind(R"(, "stemCells": [{"initialCount": 1, "memory": "1 MB", "reactive": {"minCount": 2}}])"),
              HasSubstr("reactive: member 'maxCount' is missing"));
  EXPECT_THAT(in_kind(R"(, "instainfer": {"worker": "tensorflow"})"),
              HasSubstr("member 'worker' is 'tensorflow'; it must be 'torchscript' or 'python'"));
  EXPECT_THAT(in_kind(R"(, "instainfer": {"worker": "python", "wroker": 1})"), HasSubstr("member 'wroker' is unknown"));
  EXPECT_THAT(in_kind(R"(, "instainfer": {})"), HasSubstr("member 'worker' is missing"));
}

TEST(Manifest, RefusesFamiliesWithoutExactlyOneDefault) {
  const auto family = [](const char* first, const char* second) {
    return error_of(std::string(R"({"runtimes": {"python": [{"kind": "python:2", "image": {"name": "a"})") + first +
                    R"(}, {"kind": "python:3", "image": {"name": "b"})" + second + "}]}}");
  };
  EXPECT_EQ(
      family("", ""),
      "runtimes manifest: family 'python' has 2 kinds and 0 of them with \"default\": true; exactly one must have it");
  EXPECT_THAT(family(R"(, "default": true)", R"(, "default": true)"), HasSubstr("2 kinds and 2 of them"));
  EXPECT_EQ(family("", R"(, "default": true)"), "");
}

TEST(Manifest, RefusesAKindThatStandsTwice) {
  EXPECT_EQ(error_of(R"({"runtimes": {"a": [{"kind": "x:1", "image": {"name": "i"}}],
                                      "b": [{"kind": " X:1", "image": {"name": "i"}}]}})"),
            "runtimes manifest: kind 'x:1' stands in family 'a' and again in family 'b'; keep one of them");
}

TEST(Manifest, RefusesWhatHasNotItsShape) {
  EXPECT_THAT(error_of("{"), HasSubstr("runtimes manifest: parse error"));
  EXPECT_EQ(error_of("[]"), "runtimes manifest: the document must be a JSON object, but is array");
  EXPECT_EQ(error_of("{}"), "runtimes manifest: the document: member 'runtimes' is missing");
  EXPECT_THAT(error_of(R"({"runtimes": []})"), HasSubstr("member 'runtimes' must be a JSON object"));
  EXPECT_THAT(error_of(R"({"runtimes": {"python": []}})"),
              HasSubstr("family 'python' must be an array of at least one"));
  EXPECT_THAT(error_of(R"({"runtimes": {"python": [7]}})"),
              HasSubstr("family 'python', element 0 must be a JSON object"));
  EXPECT_THAT(error_of(R"({"runtimes": {"python": [{"image": {"name": "i"}}]}})"),
              HasSubstr("member 'kind' is missing"));
  EXPECT_THAT(error_of(R"({"runtimes": {"python": [{"kind": " ", "image": {"name": "i"}}]}})"),
              HasSubstr("must not be empty"));
  EXPECT_THAT(error_of(R"({"runtimes": {"python": [{"kind": "p:1"}]}})"), HasSubstr("member 'image' is missing"));
  EXPECT_THAT(error_of(R"({"runtimes": {"python": [{"kind": "p:1", "image": {}}]}})"),
              HasSubstr("image: member 'name' is missing"));
}

}  // namespace
}  // namespace instainfer::openwhisk
