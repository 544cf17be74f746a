#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "instainfer/base/files.hpp"
#include "instainfer/base/unique_fd.hpp"
#include "instainfer/runtime/protocol.hpp"

namespace instainfer::runtime {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  [[nodiscard]] std::string error() const { return json().value("error", ""); }
};

enum class RunAs { this_user, nobody };

/// A real manager in a directory of its own, and the invoker's side of its socket.
class ManagerProcess {
 public:
  explicit ManagerProcess(WorkerType worker = WorkerType::python, const std::filesystem::path& models = {},
                          RunAs user = RunAs::this_user);
  ManagerProcess(const ManagerProcess&) = delete;
  ManagerProcess& operator=(const ManagerProcess&) = delete;
  ~ManagerProcess();

  /// One request on a connection of its own, as a trusted caller unless another token is given.
  HttpReply call(const std::string& method, const std::string& target, const std::string& body,
                 const std::string& token = kToken) const;
  HttpReply post(const std::string& target, const nlohmann::json& body) const {
    return call("POST", target, body.dump());
  }

  HttpReply init(const WorkerSpec& spec, const std::string& code) const;
  HttpReply run(const std::string& function, const nlohmann::json& parameters) const;
  HttpReply preload(const WorkerSpec& spec, const std::string& code) const;
  StatusReport status() const;

  /// Sends a request and leaves the answer to whoever reads from the socket.
  UniqueFd send(const std::string& method, const std::string& target, const std::string& body,
                const std::string& token = kToken) const;

  /// A spec whose uid fits this manager: the `index`th of the tests' range, or none without isolation.
  WorkerSpec spec(const std::string& function, unsigned index, WorkerType type = WorkerType::python) const;
  bool isolated() const { return isolated_; }

  /// What it wrote so far; waits up to ten seconds for `until` to be in it.
  std::string output(const std::string& until) const { return read_until("out", until); }
  std::string errors(const std::string& until) const { return read_until("err", until); }
  const std::filesystem::path& directory() const { return directory_.path(); }
  pid_t pid() const { return pid_; }

  static constexpr const char* kToken = "0123456789abcdef";

 private:
  std::string read_until(const std::string& name, const std::string& until) const;

  TemporaryDirectory directory_{"instainfer-manager"};
  pid_t pid_ = -1;
  bool isolated_ = true;
};

/// Zips that a careless unpacker would fall for, in base64 (make_zips.py); `entry` is the file a proper action must
/// have.
nlohmann::json hostile_zips(const std::string& entry, const std::string& content);

/// Processes with this parent or this effective user, as the machine's process table has them now.
std::vector<pid_t> children_of(pid_t parent);
std::vector<pid_t> processes_of(uid_t user);

/// Waits up to ten seconds for the condition.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    usleep(10'000);
  }
  return condition();
}

}  // namespace instainfer::runtime
