// What keeps functions apart from each other, from the manager and from what others left behind. Needs root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "manager_process.hpp"

namespace instainfer::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;
namespace fs = std::filesystem;

const std::string kEcho = "def main(args):\n  return {'got': args}\n";
constexpr uid_t kStranger = 65534;

class Isolation : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to switch users";
  }

  /// The status that another process gets for its call, as `user`; 0: the connection was closed without an answer.
  int status_for(uid_t user) const {
    const pid_t pid = fork();
    if (pid == 0) {
      if (setgid(user) != 0 || setuid(user) != 0) _exit(255);
      _exit(manager_.call("GET", "/status", "").status / 100);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status) * 100;
  }

  HttpReply preload_zip(const std::string& function, unsigned index, const Json& zip) const {
    return manager_.post("/preload", to_json(PreloadRequest{manager_.spec(function, index),
                                                            {{"name", function}, {"binary", true}, {"code", zip}}}));
  }

  ManagerProcess manager_;
};

TEST_F(Isolation, AnotherUserIsRefusedEvenWithTheTokenAndAnOpenSocket) {
  ASSERT_EQ(status_for(0), 200);
  ASSERT_EQ(chmod((manager_.directory() / kSocketName).c_str(), 0666), 0);
  EXPECT_EQ(status_for(kStranger), 0);
  EXPECT_EQ(manager_.status().owner, "") << "others are still served";
}

TEST_F(Isolation, AZipThatLeadsOutOfItsFolderOrUnpacksToTooMuchIsHarmless) {
  const Json zips = hostile_zips("__main__.py", "def main(args): return {}");
  EXPECT_THAT(preload_zip("bomb", 0, zips["bomb"]).error(), HasSubstr("holds more than 2147483648 bytes"));
  for (const std::string kind : {"upwards", "absolute"}) {
    EXPECT_EQ(preload_zip(kind, kind == "upwards" ? 1 : 2, zips[kind]).status, 200);
    EXPECT_FALSE(fs::exists("/tmp/instainfer-escaped")) << kind;
  }
}

TEST_F(Isolation, NothingRemainsInFoldersOfOthersNorDeepInItsOwn) {
  const fs::path shared = "/tmp/instainfer-shared";
  const std::string host = "import os\nos.mkdir('/tmp/instainfer-shared')\nos.chmod('/tmp/instainfer-shared', 0o777)\n";
  const std::string guest =
      "import os\nos.makedirs('/tmp/instainfer-shared/a/b/c')\nopen('/tmp/instainfer-shared/a/b/c/secret', "
      "'w').write('x')\nopen('/tmp/instainfer-shared/secret', 'w').write('x')\n"
      "os.makedirs('/dev/shm/instainfer-deep/x/y')\nos.chmod('/dev/shm/instainfer-deep/x', 0)\n";
  ASSERT_EQ(manager_.preload(manager_.spec("host", 0), host + kEcho).status, 200);
  ASSERT_EQ(manager_.preload(manager_.spec("guest", 1), guest + kEcho).status, 200);
  ASSERT_TRUE(fs::exists(shared / "a/b/c/secret"));
  ASSERT_EQ(manager_.post("/offload", {{"function", "guest"}}).status, 200);
  EXPECT_TRUE(fs::exists(shared));
  EXPECT_TRUE(fs::is_empty(shared));
  EXPECT_FALSE(fs::exists("/dev/shm/instainfer-deep"));
  ASSERT_EQ(manager_.post("/offload", {{"function", "host"}}).status, 200);
  EXPECT_FALSE(fs::exists(shared));
}

TEST_F(Isolation, AProcessWhoseFirstThreadHasEndedDoesNotSurviveAPromotion) {
  const std::string headless =
      "import ctypes, os, threading, time\n"
      "if os.fork() == 0:\n"
      "  threading.Thread(target=lambda: time.sleep(1000)).start()\n"
      "  ctypes.CDLL(None).pthread_exit(None)\n";
  ASSERT_EQ(manager_.preload(manager_.spec("headless", 0), headless + kEcho).status, 200);
  ASSERT_EQ(manager_.preload(manager_.spec("f", 1), kEcho).status, 200);
  const uid_t user = manager_.spec("headless", 0).uid;
  ASSERT_GE(processes_of(user).size(), 2U);
  ASSERT_EQ(manager_.run("f", Json::object()).status, 200);
  EXPECT_THAT(processes_of(user), IsEmpty());
}

TEST_F(Isolation, PromotionWipesWhatTheOthersLeftBehind) {
  const std::string leaver =
      "import os, subprocess, ctypes\nopen('mine', 'w').write('x')\nopen('/tmp/instainfer-left', 'w').write('x')\n"
      "open('/dev/shm/instainfer-left', 'w').write('x')\nos.mkdir('closed', 0)\n"
      "libc = ctypes.CDLL(None)\nshm = libc.shmget(0x1257, 4096, 0o1600)\n"
      "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    import signal\n    signal.signal(signal.SIGTERM, "
      "signal.SIG_IGN)\n"
      "    import time\n    time.sleep(1000)\n  os._exit(0)\ndef main(a): return {}\n";
  ASSERT_EQ(manager_.preload(manager_.spec("leaver", 0), leaver).status, 200);
  ASSERT_TRUE(std::filesystem::exists("/tmp/instainfer-left"));
  ASSERT_EQ(manager_.preload(manager_.spec("f", 1), kEcho).status, 200);
  const HttpReply promoted = manager_.run("f", Json::object());
  ASSERT_EQ(promoted.status, 200) << promoted.body;
  EXPECT_FALSE(std::filesystem::exists("/tmp/instainfer-left"));
  EXPECT_FALSE(std::filesystem::exists("/dev/shm/instainfer-left"));
  EXPECT_FALSE(std::filesystem::exists(manager_.directory() / "work" / "210000"));
  EXPECT_THAT(read_file("/proc/sysvipc/shm").value_or(""), Not(HasSubstr(" 210000 ")));
}

TEST_F(Isolation, AWorkerHasNoWayToTheControlInterface) {
  const std::string curious =
      "import os, socket\ndef attempt(f):\n  try: f(); return 'allowed'\n  except OSError as e: return e.strerror\n"
      "def main(a):\n  s = socket.socket(socket.AF_UNIX)\n  return {'uid': os.getuid(), 'groups': os.getgroups(), "
      "'env': sorted(os.environ),\n"
      "    'connect': attempt(lambda: s.connect(a['socket'])), 'kill': attempt(lambda: os.kill(a['manager'], 0)),\n"
      "    'environ': attempt(lambda: open(f\"/proc/{a['manager']}/environ\").read()),\n"
      "    'fds': sorted(int(f) for f in os.listdir('/proc/self/fd'))}\n";
  ASSERT_EQ(manager_.init(manager_.spec("f", 0), curious).status, 200);
  const Json seen =
      manager_.run("f", {{"socket", (manager_.directory() / kSocketName).string()}, {"manager", manager_.pid()}})
          .json();
  EXPECT_EQ(seen["uid"], 210000);
  EXPECT_EQ(seen["groups"], Json::array());
  EXPECT_EQ(seen["connect"], "Permission denied");
  EXPECT_EQ(seen["kill"], "Operation not permitted");
  EXPECT_EQ(seen["environ"], "Permission denied");
}

}  // namespace
}  // namespace instainfer::runtime
