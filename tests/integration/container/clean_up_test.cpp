// What is left of a process that held containers and was killed, and what the next one removes.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>

#include "harness.hpp"

namespace instainfer::container::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path kPrograms = fs::path(INSTAINFER_BINARY_DIR) / "bin";
constexpr std::uint32_t kUid = 232001;
constexpr Bytes kMaxBody{1 << 20};

/// A function that leaves a process in a session of its own and files where everybody may write.
constexpr const char* kCode = R"(
import os, time
def main(args):
    for place in ("/tmp", "/dev/shm"):
        open(place + "/instainfer-clean-up-test", "w").close()
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    return {}
)";

std::vector<std::string> containers_of_runtime(const fs::path& state) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(state / "oci", error)) names.push_back(entry.path().filename());
  return names;
}

int processes_under(std::uint32_t uid) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto status = read_file(entry.path() / "status").value_or("");
    const bool zombie = status.find("\nState:\tZ") != std::string::npos;
    if (!zombie && status.find("\nUid:\t" + std::to_string(uid) + "\t") != std::string::npos) ++count;
  }
  return count;
}

/// Cgroups of this test's containers, in all hierarchies.
int cgroups_of(const fs::path& state) {
  int count = 0;
  std::error_code error;
  for (const auto& controller : fs::directory_iterator("/sys/fs/cgroup")) {
    for (const auto& tag : fs::directory_iterator(controller.path() / "instainfer", error)) {
      for (const auto& entry : fs::directory_iterator(tag, error)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with("wsk7_") && name.ends_with(state.filename().string())) ++count;
      }
    }
  }
  return count;
}

class CleanUp : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "needs root";
    settings_ = settings_for(GetParam(), state_.path(), kPrograms);
    settings_.first_uid = 232000;
  }

  [[nodiscard]] std::string name(int number) const {
    return "wsk7_" + std::to_string(number) + "_" + state_.path().filename().string();
  }

  /// Runs in a child of the test: makes two containers, runs the function in one, pauses the other, and waits to be
  /// killed.
  void hold_containers(int ready) {
    Loop loop;
    auto factory = make_factory(settings_);
    auto busy = loop.run(factory->create(spec_named(name(1)), [] {}));
    auto paused = loop.run(factory->create(spec_named(name(2)), [] {}));
    if (!busy || !paused) return;
    runtime::WorkerSpec worker;
    worker.function = "f";
    worker.uid = kUid;
    worker.memory_limit = Bytes{128LL << 20};
    const Json init = {
        {"worker", runtime::to_json(worker)},
        {"value", {{"name", "f"}, {"main", "main"}, {"binary", false}, {"code", kCode}, {"env", Json::object()}}}};
    loop.run((*busy)->init(init, 20s, kMaxBody));
    const auto answer = loop.run((*busy)->run(Json{{"function", "f"}, {"value", Json::object()}}, 20s, kMaxBody));
    const auto stopped = loop.run((*paused)->pause());
    const char good = answer.answer.body == "{}" && stopped ? '+' : '-';
    if (::write(ready, &good, 1) == 1) ::pause();
  }

  /// A process that holds containers, killed as by `kill -9`.
  void leave_containers_behind() {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t holder = ::fork();
    if (holder == 0) {
      hold_containers(ends[1]);
      ::_exit(1);
    }
    ::close(ends[1]);
    char good = 0;
    const ssize_t got = ::read(ends[0], &good, 1);
    ::close(ends[0]);
    ::kill(holder, SIGKILL);
    ::waitpid(holder, nullptr, 0);
    ASSERT_EQ(got, 1);
    ASSERT_EQ(good, '+');
  }

  TemporaryDirectory state_{"instainfer-clean"};
  BackendSettings settings_;
};
INSTANTIATE_TEST_SUITE_P(Backends, CleanUp, ::testing::Values("oci", "process"),
                         [](const auto& info) { return info.param; });

TEST_P(CleanUp, RemovesAllThatAKilledDaemonLeft) {
  leave_containers_behind();
  if (GetParam() == "oci") {
    EXPECT_EQ(containers_of_runtime(state_.path()).size(), 2U);
    EXPECT_GT(cgroups_of(state_.path()), 0);
  }
  EXPECT_GT(processes_under(kUid), 0) << "nothing was left: the test proves nothing";

  Loop loop;
  auto factory = make_factory(settings_);
  const auto removed = loop.run(factory->clean_up());
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(*removed, 2);
  EXPECT_THAT(containers_of_runtime(state_.path()), ::testing::IsEmpty());
  EXPECT_EQ(processes_under(kUid), 0);
  EXPECT_EQ(cgroups_of(state_.path()), 0);
  EXPECT_EQ(read_file("/proc/self/mountinfo").value_or("").find(state_.path().string()), std::string::npos);
  for (const char* folder : {"containers", "processes"}) {
    std::error_code error;
    EXPECT_TRUE(!fs::exists(state_.path() / folder) || fs::is_empty(state_.path() / folder, error)) << folder;
  }
  EXPECT_FALSE(fs::exists("/tmp/instainfer-clean-up-test"));
  EXPECT_FALSE(fs::exists("/dev/shm/instainfer-clean-up-test"));

  auto next = loop.run(factory->create(spec_named(name(1)), [] {}));
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_TRUE(loop.run((*next)->destroy()));
}

TEST_P(CleanUp, FindsNothingAfterAnOrderlyEnd) {
  Loop loop;
  auto factory = make_factory(settings_);
  auto container = loop.run(factory->create(spec_named(name(1)), [] {}));
  ASSERT_TRUE(container) << container.error().message;
  ASSERT_TRUE(loop.run((*container)->destroy()));
  EXPECT_EQ(loop.run(factory->clean_up()), 0);
}

TEST_P(CleanUp, LeavesAnotherDaemonsContainersAlone) {
  Loop loop;
  auto factory = make_factory(settings_);
  auto container = loop.run(factory->create(spec_named(name(1)), [] {}));
  ASSERT_TRUE(container) << container.error().message;
  TemporaryDirectory other_state("instainfer-other");
  auto other = make_factory(settings_for(GetParam(), other_state.path(), kPrograms));
  EXPECT_EQ(loop.run(other->clean_up()), 0);
  EXPECT_TRUE(loop.run((*container)->status()));
  EXPECT_TRUE(loop.run((*container)->destroy()));
}

}  // namespace
}  // namespace instainfer::container::testing
