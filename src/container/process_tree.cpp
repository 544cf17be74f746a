#include "process_tree.hpp"

#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "instainfer/base/files.hpp"

namespace instainfer::container {
namespace fs = std::filesystem;
namespace {

constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kPause = std::chrono::milliseconds(1);

struct Row {
  pid_t pid = 0, parent = 0;
  bool zombie = false;
};

std::multimap<pid_t, Row> processes_by_parent() {
  std::multimap<pid_t, Row> table;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    Row row;
    if (std::from_chars(name.data(), name.data() + name.size(), row.pid).ptr != name.data() + name.size()) continue;
    const auto text = read_file(it->path() / "stat").value_or("");
    const auto end_of_name = text.rfind(')');  // the name may hold blanks and parentheses
    if (end_of_name == std::string::npos) continue;
    std::istringstream fields(text.substr(end_of_name + 1));
    char state = 0;
    fields >> state >> row.parent;
    row.zombie = state == 'Z' || state == 'X';
    table.emplace(row.parent, row);
  }
  return table;
}

}  // namespace

std::vector<pid_t> living_descendants(pid_t root) {
  const auto table = processes_by_parent();
  std::vector<pid_t> found, to_visit = {root};
  while (!to_visit.empty()) {
    const pid_t parent = to_visit.back();
    to_visit.pop_back();
    const auto [begin, end] = table.equal_range(parent);
    for (auto it = begin; it != end; ++it) {
      to_visit.push_back(it->second.pid);
      if (!it->second.zombie) found.push_back(it->second.pid);
    }
  }
  return found;
}

Result<void> stop_tree(pid_t root) {
  ::kill(root, SIGSTOP);
  std::set<pid_t> stopped;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {  // one may have forked before its turn came
    bool news = false;
    for (const pid_t pid : living_descendants(root)) {
      if (!stopped.insert(pid).second) continue;
      ::kill(pid, SIGSTOP);
      news = true;
    }
    if (!news) return {};
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorCode::timed_out,
                  "the processes below " + std::to_string(root) + " multiply faster than they can be stopped");
    }
  }
}

void continue_tree(pid_t root) {
  for (const pid_t pid : living_descendants(root)) ::kill(pid, SIGCONT);
  ::kill(root, SIGCONT);
}

Result<void> kill_tree(pid_t root) {
  ::kill(root, SIGSTOP);  // it must not end before its descendants: they would be handed to somebody else
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const auto pids = living_descendants(root);
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    if (pids.empty()) break;
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorCode::internal, "process " + std::to_string(pids.front()) + " does not die");
    }
    std::this_thread::sleep_for(kPause);
  }
  ::kill(root, SIGKILL);
  return {};
}

}  // namespace instainfer::container
