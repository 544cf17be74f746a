#include "process/confinement.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>

#include "instainfer/base/unique_fd.hpp"

namespace instainfer::runtime {

namespace {

constexpr int kAboveAllTargets = 64;  // first descriptor number that no target of arrange_descriptors() can have
constexpr rlim_t kOpenFiles = 1024;
constexpr rlim_t kProcesses = 512;
constexpr rlim_t kFileSize = rlim_t{4} << 30;
constexpr int kOomScore = 500;  // above the manager's, so that the kernel takes the worker first

/// Calls that no function needs and that widen the attack surface of the kernel or of other workers.
constexpr std::array kDeniedCalls = {"ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "pidfd_getfd",
                                     "kcmp",
                                     "mount",
                                     "umount2",
                                     "pivot_root",
                                     "chroot",
                                     "move_mount",
                                     "open_tree",
                                     "fsopen",
                                     "fsconfig",
                                     "fsmount",
                                     "fspick",
                                     "mount_setattr",
                                     "setns",
                                     "unshare",
                                     "clone3",
                                     "kexec_load",
                                     "kexec_file_load",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "bpf",
                                     "perf_event_open",
                                     "reboot",
                                     "swapon",
                                     "swapoff",
                                     "add_key",
                                     "keyctl",
                                     "request_key",
                                     "userfaultfd",
                                     "open_by_handle_at",
                                     "name_to_handle_at",
                                     "acct",
                                     "quotactl",
                                     "iopl",
                                     "ioperm",
                                     "settimeofday",
                                     "clock_settime",
                                     "clock_adjtime",
                                     "adjtimex",
                                     "sethostname",
                                     "setdomainname",
                                     "syslog",
                                     "vhangup",
                                     "personality",
                                     "io_uring_setup",
                                     "io_uring_enter",
                                     "io_uring_register",
                                     "fanotify_init",
                                     "lookup_dcookie",
                                     "nfsservctl"};

Result<void> limit(int resource, rlim_t value, const char* name) {
  rlimit wanted{value, value};
  rlimit present{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &present) == 0 && present.rlim_max < value) {
    wanted = {present.rlim_max, present.rlim_max};  // an ordinary user may not raise what it was given
  }
  if (setrlimit(static_cast<__rlimit_resource>(resource), &wanted) != 0) return fail(errno_error(name));
  return {};
}

Result<void> set_limits(bool own_uid) {
  const std::array<Result<void>, 4> results = {
      limit(RLIMIT_CORE, 0, "RLIMIT_CORE"), limit(RLIMIT_NOFILE, kOpenFiles, "RLIMIT_NOFILE"),
      limit(RLIMIT_FSIZE, kFileSize, "RLIMIT_FSIZE"),
      // POSIX message queues outlive their maker and can only be listed where mqueue is mounted: none can be made.
      limit(RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE")};
  for (const Result<void>& result : results) {
    if (!result) return result;
  }
  // The count is per user: under a user that others share it would limit those too.
  return own_uid ? limit(RLIMIT_NPROC, kProcesses, "RLIMIT_NPROC") : Result<void>{};
}

void raise_oom_score() {
  std::ofstream("/proc/self/oom_score_adj") << kOomScore;  // best effort: /proc may be read-only
}

Result<void> switch_user(std::uint32_t uid) {
  if (setgroups(0, nullptr) != 0) return fail(errno_error("setgroups"));
  if (setresgid(uid, uid, uid) != 0) return fail(errno_error("setresgid"));
  if (setresuid(uid, uid, uid) != 0) return fail(errno_error("setresuid"));
  return {};
}

Result<void> drop_capabilities() {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);  // needs CAP_SETPCAP; no_new_privs makes the rest unreachable anyway
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (syscall(SYS_capset, &header, none.data()) != 0) return fail(errno_error("capset"));
  return {};
}

Result<void> filter_system_calls() {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) return fail(ErrorCode::internal, "seccomp_init failed");
  for (const char* name : kDeniedCalls) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) continue;  // a call this machine does not have
    // clone3 hides its flags from a filter; the C library falls back to clone on ENOSYS.
    const int answer = std::string_view(name) == "clone3" ? ENOSYS : EPERM;
    if (const int bad = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(answer), number, 0); bad != 0) {
      return fail(errno_error(name, -bad));
    }
  }
  constexpr std::uint64_t new_namespaces = 0x7E020080;  // every CLONE_NEW* flag, CLONE_NEWTIME included
  for (std::uint64_t flag = 1; flag <= 0x40000000; flag <<= 1) {
    if ((new_namespaces & flag) == 0) continue;
    const scmp_arg_cmp has_flag{0, SCMP_CMP_MASKED_EQ, flag, flag};
    const int bad = seccomp_rule_add_array(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, &has_flag);
    if (bad != 0) return fail(errno_error("clone", -bad));
  }
  if (const int bad = seccomp_load(filter.get()); bad != 0) return fail(errno_error("seccomp_load", -bad));
  return {};
}

}  // namespace

Result<void> arrange_descriptors(const WorkerDescriptors& descriptors) {
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return fail(errno_error("open /dev/null"));
  std::vector<int> sources = {null.get(), descriptors.standard_output, descriptors.standard_error};
  sources.insert(sources.end(), descriptors.kept.begin(), descriptors.kept.end());
  for (int& source : sources) {
    source = fcntl(source, F_DUPFD_CLOEXEC, kAboveAllTargets);
    if (source < 0) return fail(errno_error("duplicate a worker's descriptor"));
  }
  for (std::size_t target = 0; target < sources.size(); ++target) {
    if (dup2(sources[target], static_cast<int>(target)) < 0) return fail(errno_error("place a worker's descriptor"));
  }
  if (close_range(static_cast<unsigned>(sources.size()), ~0U, 0) != 0) return fail(errno_error("close_range"));
  return {};
}

Result<void> confine(const Confinement& confinement, int parent) {
  setsid();
  umask(077);
  raise_oom_score();
  if (auto limits = set_limits(confinement.uid != 0); !limits) return limits;
  if (chdir(confinement.directory.c_str()) != 0) return fail(errno_error("chdir " + confinement.directory));
  if (confinement.uid != 0) {
    if (auto switched = switch_user(confinement.uid); !switched) return switched;
  }
  if (auto dropped = drop_capabilities(); !dropped) return dropped;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(errno_error("no_new_privs"));
  // After the switch of user, which clears it; the parent may have died in between.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail(errno_error("PR_SET_PDEATHSIG"));
  if (getppid() != parent) return fail(ErrorCode::cancelled, "the manager is gone");
  signal(SIGPIPE, SIG_DFL);
  return filter_system_calls();
}

std::vector<std::string> worker_environment(const std::string& directory, int threads) {
  return {"PATH=/usr/local/bin:/usr/bin:/bin",
          "LANG=C.UTF-8",
          kHugePages,
          "HOME=" + directory,
          "TMPDIR=" + directory,
          "OMP_NUM_THREADS=" + std::to_string(threads),
          "OPENBLAS_NUM_THREADS=" + std::to_string(threads),
          "OMP_WAIT_POLICY=passive"};
}

bool can_switch_users() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> held{};
  if (syscall(SYS_capget, &header, held.data()) != 0) return false;
  constexpr std::uint32_t needed = (1U << CAP_SETUID) | (1U << CAP_SETGID) | (1U << CAP_KILL) | (1U << CAP_CHOWN);
  return (held[0].effective & needed) == needed;
}

}  // namespace instainfer::runtime
