#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "harness.hpp"

namespace instainfer::container::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::json;
using Kind = openwhisk::ContainerAnswer::Kind;

const fs::path kStandIn = fs::path(INSTAINFER_SOURCE_DIR) / "tests/integration/container/standin";
constexpr Bytes kMaxBody{1LL << 20};
constexpr Bytes kLogLimit{10LL << 20};

/// Both backends with a manager that runs no workers, so that what is tested is this module alone.
class LifeCycle : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (is_oci() && !is_root()) GTEST_SKIP() << "the oci backend needs root";
    factory_ = make_factory(settings_);
  }

  std::unique_ptr<Container> create(
      const std::string& name, std::function<void()> on_exit = [] {}) {
    auto container = loop_.run(factory_->create(spec_named(name), std::move(on_exit)));
    if (!container) throw std::runtime_error(container.error().message);
    return std::move(*container);
  }
  void destroy(Container& container) {
    const auto destroyed = loop_.run(container.destroy());
    EXPECT_TRUE(destroyed) << destroyed.error().message;
  }
  Container::Exchange run(Container& container, Json value, Duration limit = 30s, Bytes max_body = kMaxBody) {
    return loop_.run(container.run(Json{{"value", std::move(value)}}, limit, max_body));
  }
  std::string python(Container& container, const std::string& code) {
    const auto exchange = run(container, {{"do", "python"}, {"code", code}});
    loop_.run(container.collect_logs(kLogLimit, true));
    return Json::parse(exchange.answer.body).value("result", Json()).dump();
  }
  [[nodiscard]] bool is_oci() const { return GetParam() == "oci"; }

  TemporaryDirectory state_{"instainfer-containers"};
  BackendSettings settings_ = settings_for(GetParam(), state_.path(), kStandIn);
  Loop loop_;
  std::unique_ptr<ContainerFactory> factory_;
};

INSTANTIATE_TEST_SUITE_P(Backends, LifeCycle, ::testing::Values("oci", "process"),
                         [](const auto& info) { return info.param; });

TEST_P(LifeCycle, AContainerAnswersAndLeavesNothingWhenDestroyed) {
  auto container = create("wsk0_1_guest_hello");
  const auto init = loop_.run(container->init(Json{{"value", {{"name", "hello"}}}}, 10s, kMaxBody));
  EXPECT_EQ(init.answer.kind, Kind::answered);
  EXPECT_EQ(init.answer.http_status, 200);
  EXPECT_EQ(init.load, 1500us);
  const auto answer = run(*container, {{"greeting", "Ada"}});
  EXPECT_EQ(Json::parse(answer.answer.body), Json({{"greeting", "Ada"}}));
  EXPECT_EQ(answer.run, 2500us);
  EXPECT_EQ(answer.memory, Bytes{4096});
  destroy(*container);
  destroy(*container);
  const fs::path folder = state_.path() / (is_oci() ? "containers" : "processes");
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_P(LifeCycle, APausedContainerDoesNothingUntilItIsResumed) {
  auto container = create("wsk0_1_guest_pause");
  ASSERT_TRUE(loop_.run(container->pause()));
  const auto paused = run(*container, {{"a", 1}}, 300ms);
  EXPECT_EQ(paused.answer.kind, Kind::timed_out);
  ASSERT_TRUE(loop_.run(container->resume()));
  const auto resumed = run(*container, {{"a", 1}});
  EXPECT_EQ(resumed.answer.kind, Kind::answered);
  destroy(*container);
}

TEST_P(LifeCycle, APausedContainerCanBeDestroyed) {
  auto container = create("wsk0_1_guest_pause");
  ASSERT_TRUE(loop_.run(container->pause()));
  destroy(*container);
}

TEST_P(LifeCycle, TellsOnceWhenAContainerDiesByItself) {
  int exits = 0;
  auto container = create("wsk0_1_guest_die", [&] { ++exits; });
  const auto exchange = run(*container, {{"do", "die"}});
  EXPECT_EQ(exchange.answer.kind, Kind::connection_error);
  EXPECT_TRUE(loop_.run_until([&] { return exits > 0; }, 5s));
  destroy(*container);
  EXPECT_EQ(exits, 1);
}

TEST_P(LifeCycle, DestroyingIsNoDeath) {
  int exits = 0;
  auto container = create("wsk0_1_guest_quiet", [&] { ++exits; });
  destroy(*container);
  EXPECT_FALSE(loop_.run_until([&] { return exits > 0; }, 100ms));
}

TEST_P(LifeCycle, AnExchangeEndsAtItsLimit) {
  auto container = create("wsk0_1_guest_slow");
  const auto exchange = run(*container, {{"do", "sleep"}, {"seconds", 30}}, 200ms);
  EXPECT_EQ(exchange.answer.kind, Kind::timed_out);
  EXPECT_GE(exchange.took, 200ms);
  EXPECT_LT(exchange.took, 5s);
  destroy(*container);
}

TEST_P(LifeCycle, AnAnswerOverTheLimitIsCutAndItsLengthTold) {
  auto container = create("wsk0_1_guest_big");
  const auto exchange = run(*container, {{"do", "big"}, {"bytes", 3000000}});
  EXPECT_EQ(exchange.answer.kind, Kind::answered);
  EXPECT_EQ(exchange.answer.oversized_length, 3000000);
  EXPECT_EQ(exchange.answer.max_length, kMaxBody.count);
  EXPECT_EQ(exchange.answer.body.size(), static_cast<std::size_t>(kMaxBody.count));
  destroy(*container);
}

TEST_P(LifeCycle, AnAnswerWithoutContentLengthCountsAsNone) {
  auto container = create("wsk0_1_guest_chunked");
  const auto exchange = run(*container, {{"do", "chunked"}});
  EXPECT_EQ(exchange.answer.kind, Kind::no_response);
  destroy(*container);
}

TEST_P(LifeCycle, AFailedPreloadTellsTheManagersReason) {
  auto container = create("wsk0_1_guest_preload");
  runtime::PreloadRequest request;
  request.worker.function = "f";
  request.init = Json::object();
  const auto report = loop_.run(container->preload(request, 5s));
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr("the function failed to load"));
  destroy(*container);
}

TEST_P(LifeCycle, TheOutputOfARunIsCollectedUpToItsSentinels) {
  auto container = create("wsk0_1_guest_print");
  run(*container, {{"do", "print"}, {"text", "first\nsecond\n"}});
  const auto logs = loop_.run(container->collect_logs(kLogLimit, true));
  EXPECT_TRUE(logs.complete);
  ASSERT_EQ(logs.lines.size(), 2U);
  EXPECT_THAT(logs.lines[0], HasSubstr(" stdout: first"));
  run(*container, {{"do", "print"}, {"text", "third\n"}});
  const auto next = loop_.run(container->collect_logs(kLogLimit, true));
  ASSERT_EQ(next.lines.size(), 1U);
  EXPECT_THAT(next.lines[0], HasSubstr(" stdout: third"));
  destroy(*container);
}

TEST_P(LifeCycle, AGigabyteOfOutputIsTruncatedAndDoesNotGrowUs) {
  auto container = create("wsk0_1_guest_flood");
  const auto exchange = run(*container, {{"do", "flood"}, {"bytes", 1 << 30}}, 60s);
  EXPECT_EQ(exchange.answer.kind, Kind::answered);
  const auto logs = loop_.run(container->collect_logs(Bytes{1 << 20}, true));
  EXPECT_FALSE(logs.complete);
  EXPECT_THAT(logs.lines.back(),
              HasSubstr("Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes."));
  std::ifstream status("/proc/self/statm");
  long total = 0, resident = 0;
  status >> total >> resident;
  EXPECT_LT(resident * ::sysconf(_SC_PAGESIZE), 200L << 20);
  destroy(*container);
}

TEST_P(LifeCycle, TwoContainersOfOneNameAreRefused) {
  auto container = create("wsk0_1_guest_twin");
  const auto twin = loop_.run(factory_->create(spec_named("wsk0_1_guest_twin"), [] {}));
  ASSERT_FALSE(twin);
  EXPECT_EQ(run(*container, {{"a", 1}}).answer.kind, Kind::answered);
  destroy(*container);
}

TEST_P(LifeCycle, ANameThatCouldLeaveItsDirectoryIsRefused) {
  const auto container = loop_.run(factory_->create(spec_named("../escape"), [] {}));
  ASSERT_FALSE(container);
  EXPECT_THAT(container.error().message, HasSubstr("\"../escape\""));
}

/// Only the kernel's limits of the oci backend can be seen from inside.
class OciLimits : public LifeCycle {};
INSTANTIATE_TEST_SUITE_P(Backends, OciLimits, ::testing::Values("oci"), [](const auto& info) { return info.param; });

TEST_P(OciLimits, MemoryAboveTheLimitEndsTheContainerAndSaysSo) {
  int exits = 0;
  auto container = create("wsk0_1_guest_eat", [&] { ++exits; });
  const auto exchange = run(*container, {{"do", "eat"}}, 30s);
  EXPECT_EQ(exchange.answer.kind, Kind::memory_exhausted);
  EXPECT_TRUE(container->out_of_memory());
  destroy(*container);
  EXPECT_TRUE(container->out_of_memory());
}

TEST_P(OciLimits, TheContainerHasNoNetworkButLoopback) {
  auto container = create("wsk0_1_guest_net");
  EXPECT_EQ(python(*container, "import socket\nresult=[n for _, n in socket.if_nameindex()]"), R"(["lo"])");
  destroy(*container);
}

TEST_P(OciLimits, TheManagerFindsTheModelRepositoryAndCannotChangeIt) {
  TemporaryDirectory models("instainfer-models");
  std::ofstream(models.path() / "model.pt") << "weights";
  settings_.models = models.path();
  factory_ = make_factory(settings_);
  auto container = create("wsk0_1_guest_models");
  const std::string path = container->model_path("model.pt");
  EXPECT_EQ(python(*container, "result=open('" + path + "').read()"), R"("weights")");
  EXPECT_THAT(python(*container, "open('" + path + "', 'w')"), HasSubstr("Read-only file system"));
  destroy(*container);
}

TEST_P(OciLimits, TheContainerSeesOnlyItsOwnProcesses) {
  auto container = create("wsk0_1_guest_pids");
  EXPECT_EQ(
      python(*container, "import os\nresult=[os.getpid(), sorted(p for p in os.listdir('/proc') if p.isdigit())]"),
      R"([1,["1"]])");
  destroy(*container);
}

TEST_P(OciLimits, NothingButTmpCanBeWritten) {
  auto container = create("wsk0_1_guest_write");
  const std::string code = R"(
result = {}
for path in ['/x', '/usr/x', '/etc/x', '/opt/instainfer/bin/x', '/proc/sys/kernel/hostname', '/tmp/x', '/dev/shm/x']:
    try:
        open(path, 'w').close()
        result[path] = 'written'
    except OSError as error:
        result[path] = error.errno
)";
  EXPECT_EQ(Json::parse(python(*container, code)),
            Json::parse(R"({"/x":30,"/usr/x":30,"/etc/x":30,"/opt/instainfer/bin/x":30,"/proc/sys/kernel/hostname":30,
                            "/tmp/x":"written","/dev/shm/x":"written"})"));
  destroy(*container);
}

}  // namespace
}  // namespace instainfer::container::testing
