// The manager with Python functions, as root (each function under a uid of its own) and as an ordinary user.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>

#include "manager_process.hpp"

namespace instainfer::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const std::string kEcho = "def main(args):\n  return {'got': args}\n";
const std::string kSentinelLine = std::string(kLogSentinel) + "\n";

class PythonWorker : public ::testing::TestWithParam<RunAs> {
 protected:
  ManagerProcess manager_{WorkerType::python, {}, GetParam()};
  WorkerSpec spec(const std::string& function, unsigned index) const { return manager_.spec(function, index); }
};

INSTANTIATE_TEST_SUITE_P(Users, PythonWorker, ::testing::Values(RunAs::this_user, RunAs::nobody), [](const auto& info) {
  return info.param == RunAs::this_user ? std::string("this_user") : std::string("nobody");
});

TEST_P(PythonWorker, RunsAnUnmodifiedMain) {
  const HttpReply initialised = manager_.init(spec("f", 0), kEcho);
  ASSERT_EQ(initialised.status, 200) << initialised.body;
  EXPECT_EQ(initialised.body, "{\"ok\":true}\n");
  const HttpReply reply = manager_.run("f", {{"name", "Ada"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json(), (Json{{"got", {{"name", "Ada"}}}}));
  EXPECT_TRUE(reply.headers.contains("x-instainfer-run-micros"));
  EXPECT_TRUE(reply.headers.contains("x-instainfer-handoff-micros"));
  EXPECT_EQ(manager_.status().owner, "f");
  EXPECT_EQ(manager_.status().isolated, manager_.isolated());
}

TEST_P(PythonWorker, RefusesCallsWithoutTheToken) {
  EXPECT_EQ(manager_.call("GET", "/status", "", "0123456789abcdee").status, 401);
  EXPECT_EQ(manager_.call("POST", "/run", "{}", "").status, 401);
  EXPECT_FALSE(std::filesystem::exists(manager_.directory() / kTokenName));
}

TEST_P(PythonWorker, KeepsOutputOutOfTheAnswerAndEndsItWithOneSentinelOnEachStream) {
  ASSERT_EQ(manager_
                .init(spec("f", 0),
                      "import sys\ndef main(args):\n  print('to out', flush=True)\n  print('to err', file=sys.stderr)\n"
                      "  sys.stdout.buffer.write(b'\\x00\\xff{\"x\":1}\\n')\n  return {}\n")
                .status,
            200);
  const HttpReply reply = manager_.run("f", Json::object());
  EXPECT_EQ(reply.json(), Json::object()) << reply.body;
  EXPECT_EQ(manager_.output(kSentinelLine), std::string("to out\n\0\xff{\"x\":1}\n", 17) + kSentinelLine);
  EXPECT_EQ(manager_.errors(kSentinelLine), "to err\n" + kSentinelLine);
}

TEST_P(PythonWorker, GivesTheActivationsVariablesToTheFunction) {
  ASSERT_EQ(manager_
                .post("/init", {{"value",
                                 {{"name", "f"},
                                  {"code",
                                   "import os\ndef main(a): return {k: os.environ.get(k) for k in "
                                   "['__OW_ACTIVATION_ID', 'LEVEL', '__OW_FUNCTION']}"},
                                  {"env", {{"LEVEL", "7"}}}}},
                                {"worker", to_json(spec("f", 0))}})
                .status,
            200);
  const Json expected = {{"__OW_ACTIVATION_ID", "0123"}, {"LEVEL", "7"}, {"__OW_FUNCTION", nullptr}};
  EXPECT_EQ(manager_.run("f", Json::object()).json(), expected);
}

TEST_P(PythonWorker, CarriesAnswersAndRequestsOfFiveMegabytes) {
  ASSERT_EQ(manager_.init(spec("f", 0), kEcho).status, 200);
  const std::string text(5'000'000, 'x');
  const HttpReply reply = manager_.run("f", {{"text", text}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json().at("got").at("text"), text);
}

TEST_P(PythonWorker, RefusesASecondInitAndAnEmptyOne) {
  EXPECT_EQ(manager_.init(spec("f", 0), "").error(), "Missing main/no code to execute.");
  ASSERT_EQ(manager_.init(spec("f", 0), kEcho).status, 200);
  const HttpReply again = manager_.init(spec("g", 1), kEcho);
  EXPECT_EQ(again.status, 403);
  EXPECT_EQ(again.error(), "Cannot initialize the action more than once.");
}

TEST_P(PythonWorker, SaysWhyCodeCannotBeInitialised) {
  EXPECT_THAT(manager_.preload(spec("a", 0), "def main(:").error(), HasSubstr("SyntaxError"));
  EXPECT_THAT(manager_.preload(spec("b", 1), "x = 1").error(), HasSubstr("no function named 'main'"));
  EXPECT_THAT(manager_.preload(spec("c", 2), "import os\nos._exit(3)").error(), HasSubstr("exited with status 3"));
  EXPECT_THAT(manager_.preload(spec("d", 3), "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)").error(),
              HasSubstr("signal 11"));
  const HttpReply zip =
      manager_.post("/preload", to_json(PreloadRequest{spec("e", 4), {{"binary", true}, {"code", "UEsDBA=="}}}));
  EXPECT_EQ(zip.status, 502);
  EXPECT_THAT(zip.error(), HasSubstr("zip file is truncated or damaged"));
  EXPECT_EQ(manager_.preload(spec("f", 5), kEcho).status, 200) << "the container stays usable";
  EXPECT_THAT(manager_.status().workers, ::testing::SizeIs(1));
}

TEST_P(PythonWorker, AnswersErrorsAsTheContractSays) {
  ASSERT_EQ(manager_
                .init(spec("f", 0),
                      "import os\ndef main(a):\n  if a['do'] == 'raise': raise ValueError('no')\n"
                      "  if a['do'] == 'text': return 'text'\n  os._exit(1)\n")
                .status,
            200);
  const HttpReply raised = manager_.run("f", {{"do", "raise"}});
  EXPECT_EQ(raised.status, 502) << "a developer error";
  EXPECT_THAT(raised.error(), HasSubstr("ValueError: no"));
  EXPECT_THAT(manager_.errors(kSentinelLine), HasSubstr("Traceback"));
  const HttpReply text = manager_.run("f", {{"do", "text"}});
  EXPECT_EQ(text.status, 502);
  EXPECT_EQ(text.error(), "The action did not return a dictionary or array.");
  const HttpReply exited = manager_.run("f", {{"do", "exit"}});
  EXPECT_EQ(exited.status, 400);
  EXPECT_EQ(exited.error(), "command exited");
}

TEST_P(PythonWorker, ReportsReadinessTimeMemoryAndOutputOfAPreload) {
  const HttpReply reply =
      manager_.preload(spec("f", 0),
                       "import time\nblock = bytearray(64 << 20)\nfor i in range(0, len(block), 4096): "
                       "block[i] = 1\nprint('loading')\ntime.sleep(0.2)\n" +
                           kEcho);
  const auto report = preload_report_from_json(reply.json());
  ASSERT_TRUE(report) << reply.body;
  EXPECT_GE(report->took, std::chrono::milliseconds(200));
  EXPECT_GE(report->memory, mebibytes(64));
  EXPECT_LT(report->memory, mebibytes(128));
  EXPECT_EQ(report->output, "loading\n");
  const StatusReport status = manager_.status();
  EXPECT_EQ(status.owner, "");
  ASSERT_EQ(status.workers.size(), 1U);
  EXPECT_EQ(status.workers[0].state, WorkerState::ready);
  EXPECT_EQ(manager_.run("f", Json::object()).status, 200);
  EXPECT_EQ(manager_.output(kSentinelLine), kSentinelLine) << "what it printed while loading is no activation's";
}

TEST_P(PythonWorker, PromotionKillsAllOthersBeforeTheRequestIsHandedOver) {
  const std::string pid =
      "import os\ndef main(a): return {'pid': os.getpid(), 'alive': [p for p in a.get('pids', []) if "
      "os.path.exists(f'/proc/{p}')]}";
  ASSERT_EQ(manager_.init(spec("f", 0), pid).status, 200);
  const Json owner = manager_.run("f", Json::object()).json();
  ASSERT_EQ(manager_.preload(spec("g", 1), pid).status, 200);
  ASSERT_EQ(manager_.preload(spec("h", 2), pid).status, 200);
  const HttpReply promoted = manager_.run("g", {{"pids", {owner["pid"]}}});
  ASSERT_EQ(promoted.status, 200) << promoted.body;
  EXPECT_EQ(promoted.json()["alive"], Json::array());
  const StatusReport status = manager_.status();
  EXPECT_EQ(status.owner, "g");
  ASSERT_EQ(status.workers.size(), 1U);
  EXPECT_EQ(status.workers[0].function, "g");
  EXPECT_EQ(manager_.run("f", Json::object()).status, 404);
}

TEST_P(PythonWorker, ANewOwnersInitKillsWhatIsPreloaded) {
  ASSERT_EQ(manager_.preload(spec("g", 1), kEcho).status, 200);
  const UniqueFd loading = manager_.send(
      "POST", "/preload", to_json(PreloadRequest{spec("h", 2), {{"code", "import time\ntime.sleep(1000)"}}}).dump());
  ASSERT_TRUE(eventually([&] { return manager_.status().workers.size() == 2; }));
  ASSERT_EQ(manager_.init(spec("f", 0), kEcho).status, 200);
  const StatusReport status = manager_.status();
  EXPECT_EQ(status.owner, "f");
  EXPECT_EQ(status.workers.size(), 1U);
}

TEST_P(PythonWorker, AnotherRunOfTheOwnerKillsWhatWasPreloadedBesideIt) {
  const std::string alive =
      "import os\ndef main(a): return {'pid': os.getpid(), 'alive': [p for p in a.get('pids', []) "
      "if os.path.exists(f'/proc/{p}')]}\n";
  ASSERT_EQ(manager_.init(spec("f", 0), alive).status, 200);
  ASSERT_EQ(manager_.run("f", Json::object()).status, 200);
  const std::string leaves_its_pid = "import os, sys\nprint(os.getpid())\n" + kEcho;
  const HttpReply beside = manager_.preload(spec("g", 1), leaves_its_pid);
  const int pid = std::stoi(preload_report_from_json(beside.json()).value().output);
  const HttpReply again = manager_.run("f", {{"pids", {pid}}});
  EXPECT_EQ(again.json().value("alive", Json()), Json::array()) << again.body;
  EXPECT_EQ(manager_.status().workers.size(), 1U);
}

TEST_P(PythonWorker, ARunWaitsForTheLoadOfItsFunction) {
  const auto request = to_json(PreloadRequest{spec("f", 0), {{"code", "import time\ntime.sleep(0.3)\n" + kEcho}}});
  const UniqueFd preload = manager_.send("POST", "/preload", request.dump());
  ASSERT_TRUE(eventually([&] { return !manager_.status().workers.empty(); }));
  const HttpReply reply = manager_.run("f", {{"x", 1}});
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_GT(std::stoll(reply.headers.at("x-instainfer-load-micros")), 1000);
}

TEST_P(PythonWorker, ABusyContainerRefusesPreloads) {
  ASSERT_EQ(manager_.init(spec("f", 0), "import time\ndef main(a):\n  time.sleep(1)\n  return {}").status, 200);
  const UniqueFd run = manager_.send("POST", "/run", Json{{"value", Json::object()}, {"function", "f"}}.dump());
  ASSERT_TRUE(eventually([&] { return manager_.status().workers.at(0).state == WorkerState::running; }));
  EXPECT_EQ(manager_.preload(spec("g", 1), kEcho).status, 409);
}

TEST_P(PythonWorker, ACallerThatHangsUpCancelsTheLoad) {
  const auto request = to_json(PreloadRequest{spec("f", 0), {{"code", "import time\ntime.sleep(1000)"}}});
  UniqueFd preload = manager_.send("POST", "/preload", request.dump());
  ASSERT_TRUE(eventually([&] { return !manager_.status().workers.empty(); }));
  preload.reset();
  EXPECT_TRUE(eventually([&] { return manager_.status().workers.empty(); }));
  EXPECT_EQ(manager_.preload(spec("g", 0), kEcho).status, 200) << "the uid is free again";
}

TEST_P(PythonWorker, AnIdleWorkerThatDiesIsReportedOnce) {
  ASSERT_EQ(
      manager_.preload(spec("f", 0), "import os, threading\nthreading.Timer(0.3, os._exit, [9]).start()\n" + kEcho)
          .status,
      200);
  std::vector<WorkerDeath> deaths;
  ASSERT_TRUE(eventually([&] {
    deaths = manager_.status().deaths;
    return !deaths.empty();
  }));
  EXPECT_EQ(deaths.at(0).function, "f");
  EXPECT_EQ(deaths.at(0).why, "exited with status 9");
  EXPECT_TRUE(manager_.status().deaths.empty());
}

TEST_P(PythonWorker, MemoryBeyondTheLimitEndsTheFunctionAndNothingElse) {
  const std::string hungry = "def main(a):\n  x = []\n  while True: x.append(bytearray(b'x' * (1 << 20)))\n";
  WorkerSpec small = spec("f", 0);
  small.memory_limit = mebibytes(128);
  ASSERT_EQ(manager_.init(small, hungry).status, 200);
  const HttpReply reply = manager_.run("f", Json::object());
  EXPECT_EQ(reply.status, 502);
  EXPECT_EQ(reply.error(), "The action exhausted its memory and was aborted.");
  ASSERT_EQ(manager_.preload(spec("other", 1), kEcho).status, 200);
  EXPECT_EQ(manager_.run("other", Json::object()).status, 200);
}

TEST_P(PythonWorker, OffloadKillsOneFunctionOnly) {
  ASSERT_EQ(manager_.preload(spec("f", 0), kEcho).status, 200);
  ASSERT_EQ(manager_.preload(spec("g", 1), kEcho).status, 200);
  EXPECT_EQ(manager_.post("/offload", {{"function", "f"}}).status, 200);
  EXPECT_EQ(manager_.post("/offload", {{"function", "f"}}).status, 404);
  ASSERT_EQ(manager_.status().workers.size(), 1U);
  EXPECT_EQ(manager_.status().workers[0].function, "g");
}

TEST_P(PythonWorker, RefusesMalformedRequests) {
  EXPECT_EQ(manager_.call("POST", "/init", "{").status, 400);
  EXPECT_EQ(manager_.call("POST", "/preload", "{}").status, 400);
  EXPECT_EQ(manager_.call("POST", "/run", "[]").status, 400);
  EXPECT_EQ(manager_.call("POST", "/nothing", "{}").status, 404);
  WorkerSpec wrong_user = spec("f", 0);
  wrong_user.uid = manager_.isolated() ? 0 : 210000;
  EXPECT_EQ(manager_.preload(wrong_user, kEcho).status, 400);
}

}  // namespace
}  // namespace instainfer::runtime
