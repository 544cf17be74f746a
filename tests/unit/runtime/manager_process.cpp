#include "manager_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace instainfer::runtime {

namespace {

constexpr uid_t kNobody = 65534;
constexpr std::uint32_t kFirstUid = 210000;

void redirect(const std::filesystem::path& file, int target) {
  const int fd = open(file.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
  dup2(fd, target);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

HttpReply parse_reply(const std::string& raw) {
  HttpReply reply;
  const auto end = raw.find("\r\n\r\n");
  if (end == std::string::npos) return reply;
  std::istringstream head(raw.substr(0, end));
  std::string line;
  std::getline(head, line);
  reply.status = std::stoi(line.substr(line.find(' ') + 1));
  while (std::getline(head, line)) {
    const auto colon = line.find(": ");
    if (colon != std::string::npos)
      reply.headers[lower(line.substr(0, colon))] = line.substr(colon + 2, line.find('\r') - colon - 2);
  }
  reply.body = raw.substr(end + 4);
  return reply;
}

std::string read_all(int fd) {
  std::string raw;
  std::vector<char> chunk(1 << 16);
  for (ssize_t n = 0; (n = read(fd, chunk.data(), chunk.size())) > 0;)
    raw.append(chunk.data(), static_cast<std::size_t>(n));
  return raw;
}

}  // namespace

ManagerProcess::ManagerProcess(WorkerType worker, const std::filesystem::path& models, RunAs user) {
  const bool switch_user = user == RunAs::nobody && geteuid() == 0;
  isolated_ = geteuid() == 0 && !switch_user;
  std::ofstream(directory() / kTokenName) << kToken << "\n";
  chmod((directory() / kTokenName).c_str(), 0600);
  if (switch_user) {
    for (const auto& path : {directory(), directory() / kTokenName}) {
      if (chown(path.c_str(), kNobody, kNobody) != 0) throw std::runtime_error("chown to nobody");
    }
  }
  std::vector<std::string> arguments = {INSTAINFER_BINARY_DIR "/bin/instainfer-runtime", "--directory",
                                        directory().string(), "--worker", std::string(to_string(worker))};
  if (!models.empty()) arguments.insert(arguments.end(), {"--models", models.string()});
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    redirect(directory() / "out", STDOUT_FILENO);
    redirect(directory() / "err", STDERR_FILENO);
    if (switch_user && (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0)) _exit(125);
    execv(pointers[0], pointers.data());
    _exit(126);
  }
  const std::string socket = (directory() / kSocketName).string();
  if (!eventually([&] { return access(socket.c_str(), F_OK) == 0 && call("GET", "/status", "").status == 200; })) {
    throw std::runtime_error("the manager does not answer");
  }
}

ManagerProcess::~ManagerProcess() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

UniqueFd ManagerProcess::send(const std::string& method, const std::string& target, const std::string& body,
                              const std::string& token) const {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (directory() / kSocketName).string();
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return fd;
  const std::string request = method + " " + target +
                              " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + token +
                              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (std::size_t done = 0; done < request.size();) {
    const ssize_t sent = ::send(fd.get(), request.data() + done, request.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) break;
    done += static_cast<std::size_t>(sent);
  }
  return fd;
}

HttpReply ManagerProcess::call(const std::string& method, const std::string& target, const std::string& body,
                               const std::string& token) const {
  const UniqueFd fd = send(method, target, body, token);
  return parse_reply(read_all(fd.get()));
}

HttpReply ManagerProcess::init(const WorkerSpec& worker, const std::string& code) const {
  return post("/init", {{"value", {{"name", worker.function}, {"main", "main"}, {"binary", false}, {"code", code}}},
                        {"worker", to_json(worker)}});
}

HttpReply ManagerProcess::run(const std::string& function, const nlohmann::json& parameters) const {
  return post("/run", {{"value", parameters}, {"function", function}, {"activation_id", "0123"}});
}

HttpReply ManagerProcess::preload(const WorkerSpec& worker, const std::string& code) const {
  return post("/preload",
              to_json(PreloadRequest{
                  worker, {{"name", worker.function}, {"main", "main"}, {"binary", false}, {"code", code}}}));
}

StatusReport ManagerProcess::status() const {
  return status_report_from_json(call("GET", "/status", "").json()).value();
}

WorkerSpec ManagerProcess::spec(const std::string& function, unsigned index, WorkerType type) const {
  return {.function = function,
          .type = type,
          .uid = isolated_ ? kFirstUid + index : 0,
          .memory_limit = mebibytes(1024),
          .model_path = {},
          .threads = 1};
}

std::string ManagerProcess::read_until(const std::string& name, const std::string& until) const {
  std::string text;
  eventually([&] {
    text = read_file(directory() / name).value_or("");
    return text.find(until) != std::string::npos;
  });
  return text;
}

nlohmann::json hostile_zips(const std::string& entry, const std::string& content) {
  const TemporaryDirectory folder("instainfer-zips");
  const std::string file = (folder.path() / "zips.json").string();
  const std::string command = "/usr/bin/python3 " INSTAINFER_SOURCE_DIR "/tests/unit/runtime/make_zips.py '" + entry +
                              "' '" + content + "' > " + file;
  if (std::system(command.c_str()) != 0) throw std::runtime_error("make_zips.py failed");
  return nlohmann::json::parse(read_file(file).value());
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string status = read_file(entry.path() / "status").value_or("");
    if (status.find("\nPPid:\t" + std::to_string(parent) + "\n") != std::string::npos)
      found.push_back(std::stoi(entry.path().filename()));
  }
  return found;
}

std::vector<pid_t> processes_of(uid_t user) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    struct stat status {};
    const std::string name = entry.path().filename();
    if (std::isdigit(static_cast<unsigned char>(name[0])) != 0 && stat(entry.path().c_str(), &status) == 0 &&
        status.st_uid == user)
      found.push_back(std::stoi(name));
  }
  return found;
}

}  // namespace instainfer::runtime
