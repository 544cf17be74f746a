#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "integration/container/harness.hpp"

namespace instainfer::container::testing {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr Bytes kMaxBody{1LL << 20};
constexpr Bytes kLogLimit{10LL << 20};
constexpr auto kRunLimit = 30s;

/// A process as the whole machine sees it, and under its number inside its pid namespace.
struct SeenProcess {
  pid_t pid = 0, inner_pid = 0;
  std::uint32_t uid = 0;
  std::string name;
};

/// Living processes of the machine that run under the uid.
inline std::vector<SeenProcess> processes_of(std::uint32_t uid) {
  std::vector<SeenProcess> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "status");
    SeenProcess process;
    bool zombie = false;
    for (std::string line; std::getline(file, line);) {
      std::istringstream fields(line);
      std::string key, state;
      fields >> key;
      if (key == "Name:") fields >> process.name;
      if (key == "State:") fields >> state;
      if (key == "Pid:") fields >> process.pid;
      if (key == "Uid:") fields >> process.uid;
      if (key == "NSpid:") {
        while (fields >> process.inner_pid) {
        }
      }
      zombie = zombie || state == "Z" || state == "X";
    }
    if (process.pid > 0 && process.uid == uid && !zombie) found.push_back(process);
  }
  return found;
}

inline std::string replace_all(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

/// What the victim answers: right, or wrong if anybody changed it. Asked to look, it tells what it finds of others.
inline constexpr const char* kVictimCode = R"(
import os
SECRET = "the-victims-" + "secret"
os.environ["VICTIM_SECRET"] = SECRET
with open("secret.txt", "w") as file:
    file.write(SECRET)

def look():
    found = []
    for place in ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"):
        try:
            found += [place + "/" + name for name in os.listdir(place) if "left-behind" in name]
        except OSError:
            pass
    for table in ("shm", "msg", "sem"):
        with open("/proc/sysvipc/" + table) as file:
            found += [table + " " + line.split()[0] for line in file.readlines()[1:] if " ATTACKER_UID " in line]
    return found

def main(args):
    with open("/proc/self/cwd/secret.txt") as file:
        unchanged = file.read() == SECRET
    return {"answer": args["x"] * 2, "unchanged": unchanged, "found": look()}
)";

/// In front of every attack: one line of output for each attempt.
inline constexpr const char* kAttackPrelude = R"(
import ctypes, os, signal, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, action):
    try:
        value = action()
    except (OSError, ValueError, MemoryError) as error:
        print(f"refused {name}: {error}", flush=True)
    else:
        print(f"SUCCEEDED {name}: {value!r}", flush=True)

def syscall(*arguments):
    ctypes.set_errno(0)
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def read(path):
    with open(path, "rb") as file:
        return file.read(64)

def main(args):
    return {"attacker": True}

VICTIM = @VICTIM_PID@
MANAGER = @MANAGER_PID@
VICTIM_DIRECTORY = "@VICTIM_DIRECTORY@"
CONTROL = "@CONTROL@"
)";

/// Two functions of one namespace in one real container with the real manager: a victim, and an attacker that has its
/// chance while it is preloaded beside the victim, or before it makes way for it.
class TwoFunctions : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr std::uint32_t kVictimUid = 231001, kAttackerUid = 231002;

  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "isolation between functions needs root";
    factory_ = make_factory(settings_);
  }

  std::unique_ptr<Container> create(const std::string& name, int cpu_shares = 1024) {
    auto spec = spec_named(name);
    spec.cpu_shares = cpu_shares;
    auto container = loop_.run(factory_->create(spec, [] {}));
    if (!container) throw std::runtime_error(container.error().message);
    return std::move(*container);
  }
  void destroy(Container& container) {
    const auto destroyed = loop_.run(container.destroy());
    EXPECT_TRUE(destroyed) << destroyed.error().message;
  }

  static runtime::WorkerSpec worker(const std::string& function, std::uint32_t uid) {
    runtime::WorkerSpec spec;
    spec.function = function;
    spec.uid = uid;
    spec.memory_limit = Bytes{256LL << 20};
    return spec;
  }
  static Json init_value(const std::string& name, const std::string& code) {
    return {{"name", name}, {"main", "main"}, {"binary", false}, {"code", code}, {"env", Json::object()}};
  }
  static std::string victim_code() { return replace_all(kVictimCode, "ATTACKER_UID", std::to_string(kAttackerUid)); }

  void init(Container& container, const std::string& function, std::uint32_t uid, const std::string& code) {
    const Json body = {{"worker", runtime::to_json(worker(function, uid))}, {"value", init_value(function, code)}};
    const auto exchange = loop_.run(container.init(body, kRunLimit, kMaxBody));
    ASSERT_EQ(exchange.answer.http_status, 200) << exchange.answer.body;
  }
  std::string preload(Container& container, const std::string& function, std::uint32_t uid, const std::string& code) {
    runtime::PreloadRequest request{worker(function, uid), init_value(function, code)};
    const auto report = loop_.run(container.preload(std::move(request), kRunLimit));
    if (report) return report->output;
    ADD_FAILURE() << report.error().message;
    return {};
  }
  Container::Exchange run(Container& container, const std::string& function, Json value) {
    return loop_.run(container.run(Json{{"function", function}, {"value", std::move(value)}}, kRunLimit, kMaxBody));
  }

  void expect_right_answer(Container& container) {
    const auto exchange = run(container, "victim", {{"x", 21}});
    const Json expected = {{"answer", 42}, {"unchanged", true}, {"found", Json::array()}};
    EXPECT_EQ(Json::parse(exchange.answer.body, nullptr, false), expected) << exchange.answer.body;
  }

  /// The attack with all that an attacker could guess or find out: pids and paths as they are inside its container.
  std::string with_knowledge(const std::string& attack) {
    const auto victims = processes_of(kVictimUid);
    if (victims.empty()) throw std::runtime_error("the victim does not run");
    const auto& victim = victims.front();
    std::ifstream stat("/proc/" + std::to_string(victim.pid) + "/stat");
    std::string skipped;
    pid_t manager = 0;
    stat >> skipped >> skipped >> skipped >> manager;
    const std::string directory = fs::read_symlink("/proc/" + std::to_string(victim.pid) + "/cwd").string();
    std::string code = std::string(kAttackPrelude) + attack;
    code = replace_all(code, "@VICTIM_PID@", std::to_string(victim.inner_pid));
    code = replace_all(code, "@MANAGER_PID@", is_oci() ? "1" : std::to_string(manager));
    code = replace_all(code, "@VICTIM_DIRECTORY@", directory);
    return replace_all(code, "@CONTROL@",
                       is_oci() ? "/run/instainfer" : (state_.path() / "processes/wsk0_1_a/run").string());
  }

  /// The attack while it is preloaded beside the victim: `attempts` were made, all were refused, the victim's answer is
  /// right.
  void expect_all_refused(const std::string& attack, int attempts) {
    auto container = create("wsk0_1_a");
    init(*container, "victim", kVictimUid, victim_code());
    const std::string output = preload(*container, "attacker", kAttackerUid, with_knowledge(attack));
    expect_refusals(output, attempts);
    expect_right_answer(*container);
    destroy(*container);
  }
  static void expect_refusals(const std::string& output, int attempts) {
    EXPECT_THAT(output, ::testing::Not(::testing::HasSubstr("SUCCEEDED")));
    int refused = 0;
    for (auto at = output.find("refused "); at != std::string::npos; at = output.find("refused ", at + 1)) ++refused;
    EXPECT_EQ(refused, attempts) << output;
  }

  /// The attacker owns the container and does its worst in a run; then it makes way for the victim.
  std::unique_ptr<Container> attacker_makes_way(const std::string& attack) {
    auto container = create("wsk0_1_a");
    init(*container, "attacker", kAttackerUid, attack);
    const auto exchange = run(*container, "attacker", Json::object());
    EXPECT_EQ(exchange.answer.body, "{}") << "the attack does not work here: it proves nothing";
    preload(*container, "victim", kVictimUid, victim_code());
    return container;
  }

  [[nodiscard]] bool is_oci() const { return GetParam() == "oci"; }

  TemporaryDirectory state_{"instainfer-security"};
  BackendSettings settings_ = settings_for(GetParam(), state_.path(), fs::path(INSTAINFER_BINARY_DIR) / "bin");
  Loop loop_;
  std::unique_ptr<ContainerFactory> factory_;
};

}  // namespace instainfer::container::testing
