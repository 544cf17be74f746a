#include "process/processes.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

namespace instainfer::runtime {

namespace {

/// pid, state, parent and session from /proc/PID/stat; the name in parentheses may hold anything, so the last one
/// counts.
std::optional<Process> read_stat(const std::string& directory) {
  std::ifstream file(directory + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const auto close = line.rfind(')');
  if (close == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(close + 1));
  Process process;
  char state = 0;
  pid_t group = 0;
  if (!(rest >> state >> process.parent >> group >> process.session)) return std::nullopt;
  process.zombie = state == 'Z' || state == 'X';
  return process;
}

/// Calls `use` with the number of each process and its directory.
template <typename Use>
void for_each_process(Use use) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return;
  while (const dirent* entry = readdir(proc.get())) {
    pid_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, pid).ptr != end || pid <= 0) continue;
    use(pid, std::string("/proc/") + entry->d_name);
  }
}

std::optional<Bytes> from_smaps(const std::string& directory) {
  std::ifstream file(directory + "/smaps_rollup");
  Bytes sum;
  bool found = false;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("Private_Clean:", 0) != 0 && line.rfind("Private_Dirty:", 0) != 0) continue;
    sum += Bytes{std::strtoll(line.c_str() + std::strlen("Private_Clean:"), nullptr, 10) * 1024};
    found = true;
  }
  return found ? std::optional(sum) : std::nullopt;
}

struct Statm {
  Bytes resident;
  Bytes shared;
};

Statm from_statm(const std::string& directory) {
  std::ifstream file(directory + "/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  std::int64_t shared = 0;
  if (!(file >> size >> resident >> shared)) return {};
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  return {Bytes{resident * page}, Bytes{shared * page}};
}

/// Resident memory that moves by less says nothing new about private memory.
constexpr Bytes kMeasuringError = mebibytes(2);

}  // namespace

std::vector<Process> list_processes() {
  std::vector<Process> all;
  for_each_process([&all](pid_t pid, const std::string& directory) {
    auto process = read_stat(directory);
    if (!process) return;  // it ended while we looked
    process->pid = pid;
    all.push_back(*process);
  });
  return all;
}

std::vector<pid_t> processes_of_users(const std::vector<std::uint32_t>& users) {
  std::vector<pid_t> found;
  for_each_process([&](pid_t pid, const std::string& directory) {
    // The directory itself belongs to the effective user, dumpable or not (kernel, task_dump_owner()).
    struct stat status {};
    if (stat(directory.c_str(), &status) != 0) return;
    if (std::find(users.begin(), users.end(), status.st_uid) != users.end()) found.push_back(pid);
  });
  return found;
}

std::vector<pid_t> process_tree(const std::vector<Process>& all, pid_t root) {
  std::vector<pid_t> found;
  const auto has = [&found](pid_t pid) { return std::find(found.begin(), found.end(), pid) != found.end(); };
  for (bool grew = true; grew;) {
    grew = false;
    for (const Process& process : all) {
      const bool belongs = process.pid == root || process.session == root || has(process.parent);
      if (!belongs || process.zombie || has(process.pid)) continue;
      found.push_back(process.pid);
      grew = true;
    }
  }
  return found;
}

Bytes private_memory(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  if (const auto sum = from_smaps(directory)) return *sum;
  const Statm statm = from_statm(directory);
  return std::max(Bytes{}, statm.resident - statm.shared);
}

Bytes resident_memory(pid_t pid) {
  return from_statm("/proc/" + std::to_string(pid)).resident;
}

Bytes MemoryGauge::resident(const std::vector<pid_t>& pids) {
  Bytes sum;
  for (const pid_t pid : pids) sum += resident_memory(pid);
  return sum;
}

Bytes MemoryGauge::update(const std::vector<pid_t>& pids) {
  const Bytes now = resident(pids);
  const Bytes moved = now > resident_ ? now - resident_ : resident_ - now;
  if (moved <= kMeasuringError && resident_ > Bytes{}) return value_;
  resident_ = now;
  value_ = {};
  for (const pid_t pid : pids) value_ += private_memory(pid);
  return value_;
}

}  // namespace instainfer::runtime
