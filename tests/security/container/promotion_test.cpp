// What a hostile function can leave behind when it makes way for another one.
#include "two_functions.hpp"

namespace instainfer::container::testing {
namespace {

class Promotion : public TwoFunctions {
 protected:
  void expect_gone(Container& container) {
    EXPECT_FALSE(processes_of(kAttackerUid).empty()) << "the attack did not leave a process behind: it proves nothing";
    expect_right_answer(container);
    std::string survivors;
    for (const auto& process : processes_of(kAttackerUid)) survivors += process.name + " ";
    EXPECT_EQ(survivors, "");
    destroy(container);
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Promotion, ::testing::Values("oci", "process"),
                         [](const auto& info) { return info.param; });

TEST_P(Promotion, IsNotSurvivedByADoubleForkedProcess) {
  auto container = attacker_makes_way(R"(
import os, time
def main(args):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()
    return {}
)");
  expect_gone(*container);
}

TEST_P(Promotion, IsNotSurvivedByASessionOfItsOwn) {
  auto container = attacker_makes_way(R"(
import os, time
def main(args):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            time.sleep(600)
        os._exit(0)
    os.wait()
    return {}
)");
  expect_gone(*container);
}

TEST_P(Promotion, IsNotSurvivedByNohup) {
  auto container = attacker_makes_way(R"(
import subprocess
def main(args):
    subprocess.Popen(["/usr/bin/nohup", "/usr/bin/sleep", "600"], start_new_session=True, stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {}
)");
  expect_gone(*container);
}

TEST_P(Promotion, IsNotSurvivedByProcessesThatKeepForkingAway) {
  auto container = attacker_makes_way(R"(
import os, signal, time
def run_away():
    while True:
        if os.fork() != 0:
            os._exit(0)
        os.setsid()
def main(args):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for _ in range(4):
        if os.fork() == 0:
            run_away()
    time.sleep(0.1)
    return {}
)");
  expect_gone(*container);
}

TEST_P(Promotion, LeavesNoFilesSharedMemoryOrQueuesBehind) {
  auto container = attacker_makes_way(R"(
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def main(args):
    made = 0
    for place in ("/tmp", "/var/tmp", "/dev/shm"):
        with open(place + "/left-behind", "w") as file:
            made += file.write("x")
        os.makedirs(place + "/left-behind-too/deep/deeper")
        os.chmod(place + "/left-behind-too/deep", 0)
    made += libc.shmget(4711, 4096, 0o1666) >= 0
    made += libc.msgget(4711, 0o1666) >= 0
    made += libc.semget(4711, 1, 0o1666) >= 0
    libc.mq_open(b"/left-behind", os.O_CREAT | os.O_RDWR, 0o666, None)
    if made != 6:
        raise RuntimeError("the attack does not work here: it proves nothing")
    if os.fork() == 0:
        import time
        time.sleep(600)
    return {}
)");
  expect_gone(*container);  // the victim's answer tells what it finds
}

TEST_P(Promotion, TheVictimsAnswerIsRightAfterItsPreloadWasAttacked) {
  auto container = create("wsk0_1_a");
  init(*container, "owner", kAttackerUid + 1, "def main(args):\n    return {}\n");
  preload(*container, "victim", kVictimUid, victim_code());
  preload(*container, "attacker", kAttackerUid, with_knowledge(R"(
for number in range(2, 400):
    for target in (number, -number):
        try:
            if number not in (os.getpid(), os.getpgid(0)):
                os.kill(target, signal.SIGKILL)
        except OSError:
            pass
)"));
  expect_right_answer(*container);
  destroy(*container);
}

}  // namespace
}  // namespace instainfer::container::testing
