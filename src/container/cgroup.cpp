#include "cgroup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "instainfer/base/files.hpp"
#include "instainfer/base/unique_fd.hpp"

namespace instainfer::container {
namespace fs = std::filesystem;
namespace {

constexpr auto kStateChange = std::chrono::seconds(1);
constexpr auto kPoll = std::chrono::microseconds(100);

Result<void> write_control(const fs::path& path, std::string_view value) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("open " + path.string()));
  if (::write(fd.get(), value.data(), value.size()) < 0) return fail(errno_error("write " + path.string()));
  return {};
}

/// Repeats the question until it is answered yes; the kernel needs microseconds, so this is no wait that a loop would
/// notice.
template <typename Question>
bool soon(Question question) {
  const auto deadline = std::chrono::steady_clock::now() + kStateChange;
  while (!question()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const auto comma = options.find(',');
    if (options.substr(0, comma) == wanted) return true;
    if (comma == std::string_view::npos) break;
    options.remove_prefix(comma + 1);
  }
  return false;
}

std::vector<fs::path> directories_below(const fs::path& top) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(top, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error)) found.push_back(it->path());
  }
  std::reverse(found.begin(), found.end());  // children before their parents
  return found;
}

void read_processes(const fs::path& directory, std::vector<pid_t>& pids) {
  std::ifstream file(directory / "cgroup.procs");
  for (pid_t pid = 0; file >> pid;) {
    if (pid > 0) pids.push_back(pid);  // 0: a process of another pid namespace; kill(0) would mean ourselves
  }
}

}  // namespace

std::string CgroupLayout::describe() const {
  if (version == Version::v2) return "cgroup v2";
  if (version == Version::v1) return hybrid ? "cgroup v1 (hybrid)" : "cgroup v1";
  return "no cgroups";
}

CgroupLayout parse_cgroup_layout(std::string_view mountinfo) {
  CgroupLayout layout;
  fs::path unified;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    const auto separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    std::istringstream before(line.substr(0, separator)), after(line.substr(separator + 3));
    std::string id, parent, device, root, mount_point, type, source, options;
    before >> id >> parent >> device >> root >> mount_point;
    after >> type >> source >> options;
    if (type != "cgroup" && type != "cgroup2") continue;
    layout.roots.emplace_back(mount_point);
    if (type == "cgroup2") unified = mount_point;
    if (type == "cgroup" && has_option(options, "memory")) layout.memory = mount_point;
    if (type == "cgroup" && has_option(options, "freezer")) layout.freezer = mount_point;
    if (type == "cgroup" && has_option(options, "cpu")) layout.cpu = mount_point;
  }
  if (!layout.memory.empty() && !layout.freezer.empty()) {
    layout.version = CgroupLayout::Version::v1;
    layout.hybrid = !unified.empty();
  } else if (!unified.empty()) {
    layout.version = CgroupLayout::Version::v2;
    layout.memory = layout.freezer = layout.cpu = unified;
  }
  return layout;
}

CgroupLayout find_cgroup_layout() {
  return parse_cgroup_layout(read_file("/proc/self/mountinfo").value_or(""));
}

std::int64_t parse_oom_kills(std::string_view text) {
  constexpr std::string_view kName = "oom_kill ";
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (line.starts_with(kName)) {
      std::int64_t count = 0;
      std::from_chars(line.data() + kName.size(), line.data() + line.size(), count);
      return count;
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return 0;
}

Result<void> Cgroup::set_frozen(bool frozen) const {
  if (layout_->version == CgroupLayout::Version::v2) {
    if (auto written = write_control(freezer() / "cgroup.freeze", frozen ? "1" : "0"); !written) return written;
    const std::string wanted = frozen ? "frozen 1" : "frozen 0";
    const auto reached = [&] {
      return read_file(freezer() / "cgroup.events").value_or("").find(wanted) != std::string::npos;
    };
    if (soon(reached)) return {};
  } else {
    const std::string wanted = frozen ? "FROZEN" : "THAWED";
    // A v1 cgroup can stay in FREEZING while a task forks; writing again lets the kernel try again.
    std::string state;
    Result<void> written;
    const auto reached = [&] {
      written = write_control(freezer() / "freezer.state", wanted);
      state = read_file(freezer() / "freezer.state").value_or("");
      return !written || state.starts_with(wanted);
    };
    if (soon(reached)) return written;
  }
  return fail(ErrorCode::timed_out,
              freezer().string() + " did not become " + (frozen ? "frozen" : "thawed") + " within a second");
}

Result<void> Cgroup::freeze() const {
  return set_frozen(true);
}

Result<void> Cgroup::thaw() const {
  return set_frozen(false);
}

Result<void> Cgroup::set_cpu_shares(int shares) const {
  if (layout_->version == CgroupLayout::Version::v1) {
    return write_control(layout_->cpu / path_ / "cpu.shares", std::to_string(shares));
  }
  // The conversion that the OCI runtimes use: [2, 262144] onto [1, 10000].
  const int weight = 1 + static_cast<int>((static_cast<std::int64_t>(std::max(shares, 2)) - 2) * 9999 / 262142);
  return write_control(layout_->cpu / path_ / "cpu.weight", std::to_string(weight));
}

std::int64_t Cgroup::oom_kills() const {
  const auto file = layout_->version == CgroupLayout::Version::v2 ? "memory.events" : "memory.oom_control";
  return parse_oom_kills(read_file(layout_->memory / path_ / file).value_or(""));
}

std::vector<pid_t> Cgroup::processes() const {
  std::vector<pid_t> pids;
  read_processes(freezer(), pids);
  for (const auto& directory : directories_below(freezer())) read_processes(directory, pids);
  return pids;
}

Result<void> Cgroup::kill_all() const {
  const auto nobody_left = [&] {
    const auto pids = processes();
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    return pids.empty();
  };
  if (exists()) static_cast<void>(thaw());  // a frozen process does not die; one that cannot be thawed shows below
  if (soon(nobody_left)) return {};
  return fail(ErrorCode::internal, "processes in " + freezer().string() + " did not die within a second");
}

Result<void> Cgroup::remove() const {
  for (const auto& root : layout_->roots) {
    const fs::path top = root / path_;
    std::error_code error;
    if (!fs::exists(top, error)) continue;
    for (const auto& directory : directories_below(top)) ::rmdir(directory.c_str());
    const auto gone = [&] { return ::rmdir(top.c_str()) == 0 || errno == ENOENT; };
    if (!soon(gone)) return fail(errno_error("remove cgroup " + top.string()));
  }
  return {};
}

void Cgroup::remove_if_empty() const {
  for (const auto& root : layout_->roots) ::rmdir((root / path_).c_str());
}

bool Cgroup::exists() const {
  std::error_code error;
  return std::any_of(layout_->roots.begin(), layout_->roots.end(),
                     [&](const fs::path& root) { return fs::exists(root / path_, error); });
}

}  // namespace instainfer::container
