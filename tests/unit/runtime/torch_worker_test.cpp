// The manager with TorchScript functions, checked against the framework's own answers (make_models.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>

#include "instainfer/base/encoding.hpp"
#include "manager_process.hpp"

namespace instainfer::runtime {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class TorchWorker : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryDirectory>("instainfer-models");
    const std::string script = INSTAINFER_SOURCE_DIR "/tests/unit/runtime/make_models.py";
    ASSERT_EQ(std::system(("/usr/bin/python3 " + script + " " + folder_->path().string()).c_str()), 0);
    actions_ = Json::parse(read_file(folder_->path() / "actions.json").value());
  }
  static void TearDownTestSuite() { folder_.reset(); }

  WorkerSpec spec(const std::string& function, unsigned index) const {
    return manager_.spec(function, index, WorkerType::torchscript);
  }
  HttpReply preload(const WorkerSpec& worker, const std::string& code, bool binary = true) const {
    return manager_.post(
        "/preload", to_json(PreloadRequest{worker, {{"name", worker.function}, {"binary", binary}, {"code", code}}}));
  }
  HttpReply infer(const std::string& function, Json inputs) const {
    return manager_.run(function, {{"inputs", std::move(inputs)}});
  }
  static Json batch() {
    return {{"name", "x"}, {"shape", {2, 3, 32, 32}}, {"datatype", "FP32"}, {"data", actions_["input"]}};
  }
  static void expect_near(const Json& actual, const Json& expected, double tolerance) {
    ASSERT_EQ(actual.size(), expected.size()) << actual.dump();
    for (std::size_t i = 0; i < actual.size(); ++i) {
      EXPECT_NEAR(actual[i].get<double>(), expected[i].get<double>(), tolerance);
    }
  }

  static std::unique_ptr<TemporaryDirectory> folder_;
  static Json actions_;
  ManagerProcess manager_{WorkerType::torchscript, folder_->path()};
};
std::unique_ptr<TemporaryDirectory> TorchWorker::folder_;
Json TorchWorker::actions_;

TEST_F(TorchWorker, AnswersWhatTheFrameworkItselfAnswers) {
  ASSERT_EQ(preload(spec("f", 0), actions_["classifier"]).status, 200);
  const HttpReply reply = infer("f", Json::array({batch()}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json output = reply.json().at("outputs").at(0);
  EXPECT_EQ(reply.json().at("model_name"), "f");
  EXPECT_EQ(output.at("name"), "scores");
  EXPECT_EQ(output.at("shape"), (Json{2, 4}));
  expect_near(output.at("data"), actions_["scores"], 1e-6);
}

TEST_F(TorchWorker, TakesAndGivesRawBytesInBase64) {
  ASSERT_EQ(preload(spec("f", 0), actions_["classifier"]).status, 200);
  Json input = batch();
  input["data"] = actions_["input_raw"];
  input["parameters"] = {{"binary", true}};
  const HttpReply reply = manager_.run("f", {{"inputs", {input}}, {"parameters", {{"binary_output", true}}}});
  const std::string raw = base64_decode(reply.json().at("outputs").at(0).at("data").get<std::string>()).value();
  ASSERT_EQ(raw.size(), 8 * sizeof(float));
  float first = 0;
  raw.copy(reinterpret_cast<char*>(&first), sizeof first);
  EXPECT_NEAR(first, actions_["scores"][0].get<double>(), 1e-6);
}

TEST_F(TorchWorker, LoadsAModelOfTheRepositoryThatOnlyTheManagerCanRead) {
  std::filesystem::permissions(folder_->path() / "model.pt", std::filesystem::perms::owner_read);
  WorkerSpec worker = spec("f", 0);
  worker.model_path = (folder_->path() / "model.pt").string();
  ASSERT_EQ(preload(worker, actions_["description"], false).status, 200);
  expect_near(infer("f", Json::array({batch()})).json().at("outputs").at(0).at("data"), actions_["scores"], 1e-6);
  worker = spec("g", 1);
  worker.model_path = "/etc/passwd";
  EXPECT_THAT(preload(worker, actions_["description"], false).error(), HasSubstr("below the model repository"));
  worker.model_path = (folder_->path() / "missing.pt").string();
  EXPECT_EQ(preload(worker, actions_["description"], false).status, 404);
}

TEST_F(TorchWorker, AForkedWorkerUsesTwoThreads) {
  WorkerSpec worker = spec("f", 0);
  worker.threads = 2;
  ASSERT_EQ(preload(worker, actions_["large"]).status, 200);
  const HttpReply reply = infer("f", {{{"name", "x"},
                                       {"shape", {600, 600}},
                                       {"datatype", "FP32"},
                                       {"parameters", {{"binary", true}}},
                                       {"data", actions_["large_raw"]}}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  const double expected = actions_["large_sum"].get<double>();
  EXPECT_NEAR(reply.json().at("outputs").at(0).at("data").at(0).get<double>(), expected, expected * 1e-5);
}

TEST_F(TorchWorker, FlattensDictionariesAndTuples) {
  ASSERT_EQ(preload(spec("f", 0), actions_["several"]).status, 200);
  const auto input = [](const char* name, const Json& data) {
    return Json{{"name", name}, {"shape", {2}}, {"datatype", "INT64"}, {"data", data}};
  };
  const Json outputs = infer("f", {input("a", {1, 2}), input("b", {0, 5})}).json().at("outputs");
  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_EQ(outputs[0], (Json{{"name", "sum"}, {"shape", {2}}, {"datatype", "INT64"}, {"data", {1, 7}}}));
  EXPECT_EQ(outputs[1].at("data"), (Json{2, 4}));
  EXPECT_EQ(outputs[2], (Json{{"name", "output_2"}, {"shape", {2}}, {"datatype", "BOOL"}, {"data", {false, true}}}));
}

TEST_F(TorchWorker, GivesAPlainAnswerToAPlainPicture) {
  ASSERT_EQ(preload(spec("f", 0), actions_["classifier"]).status, 200);
  for (const std::string kind : {"png", "jpeg"}) {
    const Json answer = manager_.run("f", {{"image", actions_[kind]}}).json();
    const Json& expected = actions_[kind + "_scores"];
    const auto best = std::max_element(expected.begin(), expected.end());
    const std::vector<std::string> labels = {"ant", "bee", "cat", "dog"};
    EXPECT_EQ(answer.value("label", ""), labels[static_cast<std::size_t>(best - expected.begin())]) << answer.dump();
    EXPECT_NEAR(answer.value("score", 0.0), best->get<double>(), 2e-3) << kind;
    EXPECT_EQ(answer.value("top", Json::array()).size(), 2U);
  }
  EXPECT_THAT(manager_.run("f", {{"image", "AAAA"}}).error(), HasSubstr("neither a JPEG nor a PNG"));
  EXPECT_THAT(manager_.run("f", {{"picture", "AAAA"}}).error(), HasSubstr("`image`, a JPEG or PNG in base64"));
}

TEST_F(TorchWorker, SaysWhatItExpectedOfWrongTensors) {
  ASSERT_EQ(preload(spec("f", 0), actions_["classifier"]).status, 200);
  const auto error_with = [&](const std::string& member, const Json& value) {
    Json input = batch();
    input[member] = value;
    const HttpReply reply = infer("f", Json::array({input}));
    EXPECT_EQ(reply.status, 200) << "an application error";
    return reply.error();
  };
  EXPECT_THAT(error_with("name", "y"), HasSubstr("input \"x\" is missing; expected \"x\" (FP32 [-1, 3, 32, 32])"));
  EXPECT_THAT(error_with("datatype", "FP16"), HasSubstr("is not one of BOOL"));
  EXPECT_THAT(error_with("datatype", "FP64"), HasSubstr("has datatype FP64; expected"));
  EXPECT_THAT(error_with("shape", {1, 3, 32, 32}), HasSubstr("holds 6144 values; its shape [1, 3, 32, 32] needs 3072"));
  EXPECT_THAT(error_with("shape", {2, 32, 3, 32}), HasSubstr("has shape [2, 32, 3, 32]; expected"));
  EXPECT_THAT(error_with("shape", {-1, 3}), HasSubstr("impossible shape"));
  EXPECT_THAT(error_with("data", {"a"}), HasSubstr("is not a value of type FP32"));
  EXPECT_EQ(infer("f", Json::array({batch()})).json().contains("outputs"), true) << "it still works";
}

TEST_F(TorchWorker, SaysWhyAnActionCannotBeInitialised) {
  EXPECT_THAT(preload(spec("a", 0), actions_["truncated"]).error(), HasSubstr("zip file is truncated or damaged"));
  EXPECT_THAT(preload(spec("b", 1), actions_["no_model"]).error(), HasSubstr("no model.pt"));
  EXPECT_THAT(preload(spec("c", 2), "neither", false).error(),
              HasSubstr("neither a zip file in base64 nor a function.json"));
  EXPECT_THAT(preload(spec("d", 3), "{\"inputs\": 3}", false).error(), HasSubstr("`inputs` must be an array"));
  WorkerSpec worker = spec("e", 4);
  worker.model_path = (folder_->path() / "actions.json").string();
  const HttpReply reply = preload(worker, actions_["description"], false);
  EXPECT_EQ(reply.status, 502);
  EXPECT_THAT(reply.error(), HasSubstr("model.pt is not a TorchScript model"));
}

TEST_F(TorchWorker, LooksUpTheWordsOfAText) {
  ASSERT_EQ(preload(spec("f", 0), actions_["words"]).status, 200);
  const auto ids = [&](const std::string& text) {
    const HttpReply reply = manager_.run("f", {{"text", text}});
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["outputs"][0]["data"];
  };
  EXPECT_EQ(ids("Hello strange world"), (Json{2, 1, 3, 0, 0, 0}));
  EXPECT_EQ(ids(""), (Json{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(ids("hello hello hello hello hello hello world world"), (Json{2, 2, 2, 2, 2, 2})) << "cut to max_length";
  EXPECT_THAT(manager_.run("f", {{"text", 7}}).error(), HasSubstr("`text` must be a text"));
}

TEST_F(TorchWorker, RefusesZipsThatLeadOutOfTheirFolderOrUnpackToTooMuch) {
  const Json zips = hostile_zips("model.pt", "x");
  EXPECT_THAT(preload(spec("a", 0), zips["bomb"]).error(), HasSubstr("it holds more than 2 GiB"));
  EXPECT_THAT(preload(spec("b", 1), zips["many"]).error(), HasSubstr("it holds more than 1024 files"));
  EXPECT_THAT(preload(spec("c", 2), zips["upwards"]).error(), HasSubstr("leads out of its folder"));
  EXPECT_THAT(preload(spec("d", 3), zips["absolute"]).error(), HasSubstr("leads out of its folder"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/instainfer-escaped"));
}

TEST_F(TorchWorker, AModelThatOutgrowsItsMemoryIsEndedAndTheContainerStaysUsable) {
  WorkerSpec small = spec("f", 0);
  small.memory_limit = mebibytes(256);
  ASSERT_EQ(preload(small, actions_["hungry"]).status, 200);
  const HttpReply reply = infer("f", {{{"name", "x"}, {"shape", {1}}, {"datatype", "FP32"}, {"data", {1}}}});
  EXPECT_EQ(reply.status, 502);
  EXPECT_EQ(reply.error(), "The action exhausted its memory and was aborted.");
  ASSERT_EQ(preload(spec("g", 1), actions_["classifier"]).status, 200);
  EXPECT_EQ(infer("g", Json::array({batch()})).status, 200);
}

TEST_F(TorchWorker, AWorkerThatCrashesIsReportedAndItsNeighbourAnswers) {
  if (!manager_.isolated()) GTEST_SKIP() << "needs root: finds the worker by its user";
  ASSERT_EQ(preload(spec("f", 0), actions_["classifier"]).status, 200);
  ASSERT_EQ(preload(spec("g", 1), actions_["classifier"]).status, 200);
  const auto processes = processes_of(spec("f", 0).uid);
  ASSERT_EQ(processes.size(), 1U);
  kill(processes[0], SIGSEGV);
  std::vector<WorkerDeath> deaths;
  ASSERT_TRUE(eventually([&] {
    deaths = manager_.status().deaths;
    return !deaths.empty();
  }));
  EXPECT_EQ(deaths[0].function, "f");
  EXPECT_EQ(deaths[0].why, "killed by signal 11");
  EXPECT_EQ(infer("g", Json::array({batch()})).status, 200);
}

TEST_F(TorchWorker, AZygoteThatDiesIsStartedAgainForTheNextFunction) {
  ASSERT_EQ(preload(spec("f", 0), actions_["classifier"]).status, 200);
  const auto zygote = children_of(manager_.pid());
  ASSERT_EQ(zygote.size(), 1U);
  kill(zygote[0], SIGKILL);
  // Its workers go with it, and are reported.
  ASSERT_TRUE(eventually([&] { return manager_.status().workers.empty(); }));
  ASSERT_EQ(preload(spec("g", 1), actions_["classifier"]).status, 200);
  EXPECT_EQ(infer("g", Json::array({batch()})).status, 200);
  EXPECT_TRUE(manager_.status().libraries_ready);
}

}  // namespace
}  // namespace instainfer::runtime
