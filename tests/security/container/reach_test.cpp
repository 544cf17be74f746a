// What a hostile function can reach while it is preloaded beside another one.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "instainfer/base/unique_fd.hpp"
#include "two_functions.hpp"

namespace instainfer::container::testing {
namespace {

class Reach : public TwoFunctions {};
INSTANTIATE_TEST_SUITE_P(Backends, Reach, ::testing::Values("oci", "process"),
                         [](const auto& info) { return info.param; });

TEST_P(Reach, CannotReadAnotherFunctionsFiles) {
  expect_all_refused(R"(
attempt("open", lambda: read(VICTIM_DIRECTORY + "/secret.txt"))
attempt("list", lambda: os.listdir(VICTIM_DIRECTORY))
attempt("through proc", lambda: read(f"/proc/{VICTIM}/cwd/secret.txt"))
attempt("root in proc", lambda: os.listdir(f"/proc/{VICTIM}/root/"))
os.symlink(VICTIM_DIRECTORY + "/secret.txt", "link")
attempt("symbolic link", lambda: read("link"))
attempt("hard link", lambda: os.link(VICTIM_DIRECTORY + "/secret.txt", "hard"))
attempt("write", lambda: open(VICTIM_DIRECTORY + "/secret.txt", "w").write("changed"))
)",
                     7);
}

TEST_P(Reach, CannotReadAnotherFunctionsMemory) {
  expect_all_refused(R"(
attempt("mem", lambda: read(f"/proc/{VICTIM}/mem"))
attempt("maps", lambda: read(f"/proc/{VICTIM}/maps"))
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(16)
here, there = Vector(ctypes.addressof(buffer), 16), Vector(0x400000, 16)
attempt("process_vm_readv", lambda: syscall(310, VICTIM, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
attempt("process_vm_writev", lambda: syscall(311, VICTIM, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
)",
                     4);
}

TEST_P(Reach, CannotReadAnotherFunctionsEnvironment) {
  expect_all_refused(R"(
attempt("environ", lambda: read(f"/proc/{VICTIM}/environ"))
attempt("auxv", lambda: read(f"/proc/{VICTIM}/auxv"))
)",
                     2);
}

TEST_P(Reach, CannotTakeAnotherFunctionsSockets) {
  expect_all_refused(R"(
attempt("list descriptors", lambda: os.listdir(f"/proc/{VICTIM}/fd"))
attempt("open a descriptor", lambda: read(f"/proc/{VICTIM}/fd/3"))
attempt("pidfd_getfd", lambda: syscall(438, os.pidfd_open(VICTIM), 3, 0))
attempt("pidfd_getfd of the manager", lambda: syscall(438, os.pidfd_open(MANAGER), 0, 0))
)",
                     4);
}

TEST_P(Reach, CannotSignalAnotherFunction) {
  expect_all_refused(R"(
attempt("probe", lambda: os.kill(VICTIM, 0))
attempt("stop", lambda: os.kill(VICTIM, signal.SIGSTOP))
attempt("kill", lambda: os.kill(VICTIM, signal.SIGKILL))
attempt("kill its group", lambda: os.killpg(VICTIM, signal.SIGKILL))
)",
                     4);
}

TEST_P(Reach, CannotSignalTheManager) {
  expect_all_refused(R"(
attempt("stop", lambda: os.kill(MANAGER, signal.SIGSTOP))
attempt("kill", lambda: os.kill(MANAGER, signal.SIGKILL))
attempt("kill my parent", lambda: os.kill(os.getppid(), signal.SIGKILL))
)",
                     3);
}

TEST_P(Reach, CannotTraceAnotherFunctionOrTheManager) {
  expect_all_refused(R"(
ATTACH, SEIZE = 16, 0x4206
attempt("attach", lambda: syscall(101, ATTACH, VICTIM, 0, 0))
attempt("seize", lambda: syscall(101, SEIZE, VICTIM, 0, 0))
attempt("attach to the manager", lambda: syscall(101, ATTACH, MANAGER, 0, 0))
attempt("memory of the manager", lambda: read(f"/proc/{MANAGER}/mem"))
)",
                     4);
}

TEST_P(Reach, CannotBecomeAnotherUser) {
  expect_all_refused(R"(
attempt("root", lambda: os.setuid(0))
attempt("the victim", lambda: os.setresuid(231001, 231001, 231001))
attempt("the victim's group", lambda: os.setgid(231001))
attempt("user namespace", lambda: syscall(272, 0x10000000))
)",
                     4);
}

/// Attacks that only a container with a root file system of its own has an answer to; in the process backend the permissions
/// of the repository's own folder decide.
class ReachOutOfARoot : public Reach {};
INSTANTIATE_TEST_SUITE_P(Backends, ReachOutOfARoot, ::testing::Values("oci"),
                         [](const auto& info) { return info.param; });

TEST_P(ReachOutOfARoot, CannotReadModelsThatItWasNotGiven) {
  TemporaryDirectory models("instainfer-models");
  fs::permissions(models.path(), fs::perms(0755));
  std::ofstream(models.path() / "model.pt") << "weights";
  settings_.models = models.path();
  factory_ = make_factory(settings_);
  expect_all_refused(R"(
attempt("list", lambda: os.listdir("/run/instainfer-models"))
attempt("open", lambda: read("/run/instainfer-models/repository/model.pt"))
)",
                     2);
}

TEST_P(Reach, CannotFindTheToken) {
  expect_all_refused(R"py(
import re
attempt("file", lambda: read(CONTROL + "/token"))
attempt("control directory", lambda: os.listdir(CONTROL))
attempt("manager's log", lambda: read(CONTROL + "/manager.log"))
attempt("manager's environment", lambda: read(f"/proc/{MANAGER}/environ"))
def search():
    token = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
    found = token.findall(read("/proc/self/environ"))
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps.readlines():
            span, access = line.split()[:2]
            if "r" not in access or "[v" in line:
                continue
            begin, end = (int(part, 16) for part in span.split("-"))
            memory.seek(begin)
            try:
                found += token.findall(memory.read(end - begin))
            except OSError:
                pass
    if not found:
        raise OSError("no token in my own memory, environment or arguments")
    return found
attempt("own memory", search)
)py",
                     5);
}

TEST_P(Reach, CannotCallTheControlInterface) {
  expect_all_refused(R"(
def call(path):
    line = socket.socket(socket.AF_UNIX)
    line.connect(path)
    return path
attempt("socket", lambda: call(CONTROL + "/manager.sock"))
attempt("socket through proc", lambda: call(f"/proc/{MANAGER}/root{CONTROL}/manager.sock"))
attempt("put another in its place", lambda: os.rename(CONTROL + "/manager.sock", CONTROL + "/old.sock"))
)",
                     3);
}

/// A port of the node as the admin port would be: open on every address.
class NodePort {
 public:
  NodePort() : socket_(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(socket_.get(), 8);
    socklen_t size = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin6_port);
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] bool somebody_called() const {
    pollfd entry{socket_.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
  }

 private:
  UniqueFd socket_;
  int port_ = 0;
};

/// IPv4 addresses of the node other than loopback: what a container would see as its gateway.
std::vector<std::string> node_addresses() {
  std::vector<std::string> found;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return found;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN];
    ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(entry->ifa_addr)->sin_addr, text, sizeof text);
    found.emplace_back(text);
  }
  ::freeifaddrs(list);
  return found;
}

TEST_P(Reach, CannotReachTheAdminPortOverLoopbackOrTheGateway) {
  NodePort admin;
  auto addresses = node_addresses();
  addresses.insert(addresses.end(), {"127.0.0.1", "127.0.0.2", "0.0.0.0"});
  const Json targets = addresses;
  expect_all_refused("for address in " + targets.dump() +
                         ":\n    attempt(address, lambda: socket.create_connection((address, " +
                         std::to_string(admin.port()) + "), 2).close())\n" +
                         "attempt('ipv6', lambda: socket.create_connection(('::1', " + std::to_string(admin.port()) +
                         "), 2).close())\n",
                     static_cast<int>(addresses.size()) + 1);
  EXPECT_FALSE(admin.somebody_called());
}

TEST_P(Reach, CannotReachOpenWhisksPortOfAnyRuntime) {
  expect_all_refused(R"(
for path in ("/run", "/init", "/preload", "/status"):
    attempt(path, lambda: socket.create_connection(("127.0.0.1", 8080), 2).sendall(f"POST {path} HTTP/1.1\r\n\r\n".encode()))
)",
                     4);
}

TEST_P(Reach, CannotReachAFunctionOrManagerInANeighbourContainer) {
  auto container = create("wsk0_1_a"), neighbour = create("wsk0_2_b");
  init(*container, "victim", kVictimUid, victim_code());
  const std::string folder = is_oci() ? "containers" : "processes";
  const std::string control = (state_.path() / folder / "wsk0_1_a/run").string();
  const auto victim = processes_of(kVictimUid).front();
  const std::string attack = replace_all(with_knowledge(R"(
attempt("files", lambda: read(VICTIM_DIRECTORY + "/secret.txt"))
attempt("memory", lambda: read("/proc/@OUTER@/mem"))
attempt("kill", lambda: os.kill(@OUTER@, signal.SIGKILL))
attempt("control", lambda: socket.socket(socket.AF_UNIX).connect("@NEIGHBOUR@/manager.sock"))
attempt("folder", lambda: os.listdir("@NEIGHBOUR@"))
)"),
                                         "@OUTER@", std::to_string(victim.pid));
  const std::string output = preload(*neighbour, "attacker", kAttackerUid, replace_all(attack, "@NEIGHBOUR@", control));
  expect_refusals(output, 5);
  expect_right_answer(*container);
  destroy(*container);
  destroy(*neighbour);
}

}  // namespace
}  // namespace instainfer::container::testing
