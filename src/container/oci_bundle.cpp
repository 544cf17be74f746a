#include "oci_bundle.hpp"

#include <sys/stat.h>

#include <fstream>
#include <set>

#include "child_process.hpp"

namespace instainfer::container {
namespace fs = std::filesystem;
using Json = nlohmann::json;
namespace {

/// The host's top-level directories of programs and libraries: links into /usr on a merged system, else directories.
constexpr const char* kProgramRoots[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

Json mount(std::string destination, std::string type, std::string source, std::vector<std::string> options) {
  return {{"destination", std::move(destination)},
          {"type", std::move(type)},
          {"source", std::move(source)},
          {"options", std::move(options)}};
}

Json read_only_bind(const fs::path& source, std::string destination) {
  return mount(std::move(destination), "bind", source.string(), {"bind", "ro", "nosuid", "nodev"});
}

Json sized_tmpfs(std::string destination, Bytes size, std::string mode) {
  return mount(std::move(destination), "tmpfs", "tmpfs",
               {"nosuid", "nodev", "mode=" + mode, "size=" + std::to_string(size.count), "nr_inodes=65536"});
}

Json make_mounts(const BundlePlan& plan) {
  const Bytes tmp = std::min(plan.tmp_size, plan.memory_limit);  // a tmpfs counts against the memory limit
  Json mounts = Json::array();
  mounts.push_back(mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev", "hidepid=2"}));
  mounts.push_back(mount("/dev", "tmpfs", "tmpfs", {"nosuid", "noexec", "strictatime", "mode=755", "size=65536k"}));
  mounts.push_back(sized_tmpfs("/dev/shm", tmp, "1777"));
  mounts.push_back(mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  // The number of processors and their caches: libtorch's cpuinfo and OpenBLAS ask for them.
  mounts.push_back(read_only_bind("/sys/devices/system/cpu", "/sys/devices/system/cpu"));
  mounts.push_back(read_only_bind("/usr", "/usr"));
  for (const char* name : kProgramRoots) {
    const fs::path path = fs::path("/") / name;
    if (fs::is_directory(path) && !fs::is_symlink(path)) mounts.push_back(read_only_bind(path, path.string()));
  }
  mounts.push_back(read_only_bind(plan.etc, "/etc"));
  mounts.push_back(sized_tmpfs("/tmp", tmp, "1777"));
  mounts.push_back(sized_tmpfs("/var/tmp", tmp, "1777"));
  mounts.push_back(mount(std::string(kControlDirectory), "bind", plan.control.string(),
                         {"bind", "rw", "nosuid", "nodev", "noexec"}));
  // Over the host's folder, so that what functions write there is bounded too.
  mounts.push_back(sized_tmpfs(std::string(kWorkDirectory), tmp, "711"));
  if (!plan.programs.empty()) mounts.push_back(read_only_bind(plan.programs, std::string(kProgramsDirectory)));
  if (!plan.models.empty()) mounts.push_back(read_only_bind(plan.models, std::string(kModelsDirectory)));
  for (const auto& path : plan.library_paths) mounts.push_back(read_only_bind(path, path.string()));
  return mounts;
}

/// What the manager needs, and nobody else gets: workers drop to their uids, no_new_privs keeps them there.
/// SETUID, SETGID: start workers under their uids. KILL: end them. CHOWN, DAC_OVERRIDE, FOWNER: make and wipe their
/// files. SYS_PTRACE: read their smaps_rollup; it reaches no further than the container's pid namespace. SETPCAP: empty
/// the bounding set before a worker starts.
Json manager_capabilities() {
  return {"CAP_SETUID",       "CAP_SETGID", "CAP_KILL",       "CAP_CHOWN",
          "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SYS_PTRACE", "CAP_SETPCAP"};
}

Json make_process(const BundlePlan& plan) {
  const Json capabilities = manager_capabilities();
  auto environment = plain_environment();
  environment.emplace_back("HOME=/tmp");
  return {{"terminal", false},
          {"user", {{"uid", 0}, {"gid", 0}, {"umask", 077}}},
          {"args", plan.arguments},
          {"env", environment},
          {"cwd", "/"},
          {"noNewPrivileges", true},
          {"capabilities", {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
          {"rlimits",
           {{{"type", "RLIMIT_CORE"}, {"hard", 0}, {"soft", 0}},
            {{"type", "RLIMIT_NOFILE"}, {"hard", 4096}, {"soft", 4096}}}}};
}

Json make_resources(const BundlePlan& plan) {
  Json memory = {{"limit", plan.memory_limit.count}};
  if (plan.swap_accounting) memory["swap"] = plan.memory_limit.count;  // memory and swap together: no swap
  return {{"devices", {{{"allow", false}, {"access", "rwm"}}}},
          {"memory", memory},
          {"cpu", {{"shares", plan.cpu_shares}}},
          {"pids", {{"limit", plan.pids_limit}}}};
}

/// System calls that nothing in a container needs and that reach far into the kernel. clone3 answers "not there",
/// because its flags cannot be looked at: the C library then uses clone, whose flags can.
Json make_seccomp() {
  constexpr int kEperm = 1, kEnosys = 38;
  const Json denied = {"acct",
                       "add_key",
                       "bpf",
                       "delete_module",
                       "fanotify_init",
                       "finit_module",
                       "fsconfig",
                       "fsmount",
                       "fsopen",
                       "fspick",
                       "init_module",
                       "io_uring_enter",
                       "io_uring_register",
                       "io_uring_setup",
                       "ioperm",
                       "iopl",
                       "kcmp",
                       "kexec_file_load",
                       "kexec_load",
                       "keyctl",
                       "lookup_dcookie",
                       "mount",
                       "mount_setattr",
                       "move_mount",
                       "name_to_handle_at",
                       "open_by_handle_at",
                       "open_tree",
                       "perf_event_open",
                       "pidfd_getfd",
                       "pivot_root",
                       "process_vm_readv",
                       "process_vm_writev",
                       "ptrace",
                       "quotactl",
                       "reboot",
                       "request_key",
                       "setns",
                       "swapoff",
                       "swapon",
                       "umount2",
                       "unshare",
                       "userfaultfd",
                       "vhangup"};
  constexpr std::uint64_t kNewNamespaces = 0x7E020000;  // CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
  Json rules = Json::array();
  rules.push_back({{"names", denied}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", kEperm}});
  rules.push_back({{"names", {"clone3"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", kEnosys}});
  for (std::uint64_t flag = 1; flag != 0 && flag <= kNewNamespaces; flag <<= 1) {
    if ((kNewNamespaces & flag) == 0) continue;
    const Json argument = {{"index", 0}, {"value", flag}, {"valueTwo", flag}, {"op", "SCMP_CMP_MASKED_EQ"}};
    rules.push_back(
        {{"names", {"clone"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", kEperm}, {"args", Json::array({argument})}});
  }
  return {{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", rules}};
}

Json make_linux(const BundlePlan& plan) {
  Json namespaces = Json::array({{{"type", "pid"}}, {{"type", "ipc"}}, {{"type", "uts"}}, {{"type", "mount"}}});
  if (!plan.network) namespaces.push_back({{"type", "network"}});
  if (plan.cgroup_namespace) namespaces.push_back({{"type", "cgroup"}});
  return {{"namespaces", namespaces},
          {"cgroupsPath", plan.cgroup_path},
          {"resources", make_resources(plan)},
          {"seccomp", make_seccomp()},
          {"maskedPaths",
           {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi"}},
          {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
}

Result<void> write_text(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail(ErrorCode::internal, "cannot write " + path.string());
  ::chmod(path.c_str(), 0644);
  return {};
}

}  // namespace

Json make_oci_config(const BundlePlan& plan) {
  return {{"ociVersion", "1.0.2"},
          {"hostname", "instainfer"},
          {"root", {{"path", plan.rootfs.string()}, {"readonly", true}}},
          {"process", make_process(plan)},
          {"mounts", make_mounts(plan)},
          {"linux", make_linux(plan)}};
}

Result<void> make_rootfs(const fs::path& rootfs) {
  std::error_code error;
  for (const char* directory : {"dev", "proc", "sys/devices/system/cpu", "etc", "usr", "tmp", "var/tmp",
                                "run/instainfer", "run/instainfer-models/repository", "opt/instainfer/bin"}) {
    fs::create_directories(rootfs / directory, error);
    if (error) return fail(errno_error("create " + (rootfs / directory).string(), error.value()));
  }
  // runc gives a tmpfs the mode of the directory below it, whatever its options say.
  for (const char* directory : {"tmp", "var/tmp"}) fs::permissions(rootfs / directory, fs::perms(01777), error);
  fs::permissions(rootfs / fs::path(kModelsParent).relative_path(), fs::perms::owner_all, error);
  for (const char* name : kProgramRoots) {
    const fs::path path = fs::path("/") / name;
    if (!fs::is_symlink(path)) continue;
    fs::create_symlink(fs::read_symlink(path), rootfs / name, error);
    if (error && error != std::errc::file_exists) {
      return fail(errno_error("create " + (rootfs / name).string(), error.value()));
    }
  }
  return {};
}

Result<void> make_etc(const fs::path& etc) {
  std::error_code error;
  fs::create_directories(etc, error);
  if (error) return fail(errno_error("create " + etc.string(), error.value()));
  fs::permissions(etc, fs::perms(0755), error);
  const auto overwrite =
      fs::copy_options::recursive | fs::copy_options::copy_symlinks | fs::copy_options::overwrite_existing;
  for (const char* name : {"alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types"}) {
    const fs::path source = fs::path("/etc") / name;
    if (!fs::exists(source) && !fs::is_symlink(source)) continue;
    fs::remove_all(etc / name, error);
    fs::copy(source, etc / name, overwrite, error);
    if (error) return fail(errno_error("copy " + source.string() + " to " + etc.string(), error.value()));
  }
  const std::pair<const char*, std::string_view> files[] = {
      {"passwd",
       "root:x:0:0:root:/tmp:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
      {"group", "root:x:0:\nnogroup:x:65534:\n"},
      {"hosts", "127.0.0.1 localhost\n::1 localhost\n"},
      {"nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"}};
  for (const auto& [name, text] : files) {
    if (auto written = write_text(etc / name, text); !written) return written;
  }
  return {};
}

}  // namespace instainfer::container
