#include "leftovers.hpp"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "instainfer/base/files.hpp"

namespace instainfer::container {
namespace fs = std::filesystem;
namespace {

constexpr auto kPatience = std::chrono::seconds(2);

bool is_in_container(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/cgroup").value_or("");
  return text.find(":/instainfer/") != std::string::npos;
}

struct ProcessRow {
  std::string name;
  char state = 0;
  pid_t parent = 0;
};

ProcessRow read_task(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat").value_or("");
  const auto begin = text.find('('), end = text.rfind(") ");
  ProcessRow task;
  if (begin == std::string::npos || end == std::string::npos) return task;
  task.name = text.substr(begin + 1, end - begin - 1);
  std::istringstream fields(text.substr(end + 2));
  fields >> task.state >> task.parent;
  return task;
}

/// A manager adopts the orphans of its workers, so whoever has none above has lost it.
bool has_manager_above(pid_t pid) {
  constexpr std::string_view kName = "instainfer-runtime";
  const std::string_view shown = kName.substr(0, 15);  // the kernel keeps no more
  for (pid_t parent = read_task(pid).parent; parent > 1;) {
    const ProcessRow task = read_task(parent);
    if (task.name == shown && task.state != 'Z') return true;
    parent = task.parent;
  }
  return false;
}

std::vector<pid_t> orphans_of(UidRange range) {
  std::vector<pid_t> found;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    // From the text: the owner of the file itself is root where the process is not dumpable.
    std::ifstream status("/proc/" + name + "/status");
    std::uint32_t uid = 0;
    bool known = false;
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("Uid:")) continue;
      std::istringstream fields(line.substr(4));
      known = static_cast<bool>(fields >> uid);
      break;
    }
    if (!known || !range.contains(uid) || read_task(pid).state == 'Z') continue;
    if (!is_in_container(pid) && !has_manager_above(pid)) found.push_back(pid);
  }
  return found;
}

void remove_entries(const fs::path& directory, UidRange range) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) == 0 && range.contains(info.st_uid)) found.push_back(it->path());
  }
  for (const auto& path : found) fs::remove_all(path, error);
}

/// Ids of the System V objects in a table of /proc/sysvipc whose owner is in the range; both columns are found by their
/// names.
std::vector<int> ipc_ids(const char* table, const std::string& id_column, UidRange range) {
  std::ifstream file(table);
  std::string header;
  std::getline(file, header);
  int id_index = -1, uid_index = -1, index = 0;
  std::istringstream names(header);
  for (std::string name; names >> name; ++index) {
    if (name == id_column) id_index = index;
    if (name == "uid") uid_index = index;
  }
  std::vector<int> ids;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    long long value = 0, id = -1, uid = -1;
    for (int i = 0; fields >> value; ++i) {
      if (i == id_index) id = value;
      if (i == uid_index) uid = value;
    }
    if (id >= 0 && uid >= 0 && range.contains(static_cast<std::uint32_t>(uid))) ids.push_back(static_cast<int>(id));
  }
  return ids;
}

}  // namespace

Result<int> kill_orphans_of(UidRange range) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  int first_count = -1;
  while (true) {
    const auto pids = orphans_of(range);
    if (first_count < 0) first_count = static_cast<int>(pids.size());
    if (pids.empty()) return first_count;
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorCode::internal, std::to_string(pids.size()) + " processes under the uids " +
                                           std::to_string(range.first) + " to " +
                                           std::to_string(range.first + range.count - 1) + " do not die, " +
                                           std::to_string(pids.front()) + " is one");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void remove_files_of(UidRange range) {
  for (const char* directory : {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"}) remove_entries(directory, range);
  for (const int id : ipc_ids("/proc/sysvipc/shm", "shmid", range)) ::shmctl(id, IPC_RMID, nullptr);
  for (const int id : ipc_ids("/proc/sysvipc/msg", "msqid", range)) ::msgctl(id, IPC_RMID, nullptr);
  for (const int id : ipc_ids("/proc/sysvipc/sem", "semid", range)) ::semctl(id, 0, IPC_RMID);
}

}  // namespace instainfer::container
