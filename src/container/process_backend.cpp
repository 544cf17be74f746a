#include <seccomp.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/this_coro.hpp>
#include <csignal>
#include <fstream>

#include "async_process.hpp"
#include "backends.hpp"
#include "instainfer/base/files.hpp"
#include "leftovers.hpp"
#include "managed_container.hpp"
#include "oci_runtime.hpp"
#include "process_tree.hpp"

namespace instainfer::container {
namespace fs = std::filesystem;
namespace {

constexpr auto kReadyLimit = std::chrono::seconds(20);
constexpr auto kDeathLimit = std::chrono::seconds(5);
constexpr const char* kProcessFile = "process";  ///< pid and start time of the manager, for clean_up after a crash

bool is_root() {
  return ::geteuid() == 0;
}

UidRange worker_uids(const BackendSettings& settings) {
  return {settings.first_uid, settings.uid_count};
}

fs::path containers_directory(const BackendSettings& settings) {
  return settings.state_directory / "processes";
}

/// Where the workers' own directories are as root: not below the state directory, which other users cannot search.
fs::path work_directory(const BackendSettings& settings) {
  return fs::path("/tmp") / ("instainfer-" + state_tag(settings.state_directory));
}

/// Makes it, or takes it over if it is ours: /tmp is everybody's, so somebody else's folder or link may be in its
/// place.
Result<void> make_work_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0711) != 0 && errno != EEXIST) return fail(errno_error("create " + path.string()));
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return fail(errno_error("look at " + path.string()));
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid()) {
    return fail(ErrorCode::forbidden, path.string() + " is there and is not a directory of ours; remove it");
  }
  if (::chmod(path.c_str(), 0711) != 0) return fail(errno_error("chmod " + path.string()));
  return {};
}

/// A filter that refuses every socket but UNIX ones: without a network namespace it is what keeps functions off the
/// node's loopback (the admin port) and its neighbours. It stays with all descendants.
Result<std::string> make_network_filter() {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) return fail(ErrorCode::internal, "seccomp_init failed");
  const auto refuse = SCMP_ACT_ERRNO(EACCES);
  const scmp_arg_cmp not_unix{0, SCMP_CMP_NE, AF_UNIX, 0};
  int bad = seccomp_rule_add_array(filter.get(), refuse, SCMP_SYS(socket), 1, &not_unix);
  // A ring makes sockets without the system call.
  if (bad == 0) bad = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0);
  const UniqueFd program(::memfd_create("filter", MFD_CLOEXEC));
  if (bad == 0) bad = seccomp_export_bpf(filter.get(), program.get());
  if (bad != 0) return fail(errno_error("make the network filter", -bad));
  const off_t size = ::lseek(program.get(), 0, SEEK_END);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (::pread(program.get(), bytes.data(), bytes.size(), 0) != size)
    return fail(errno_error("read the network filter"));
  return bytes;
}

/// What all containers of one factory share.
struct ProcessSetup {
  BackendSettings settings;
  std::string network_filter;
};

class ProcessContainer final : public ManagedContainer {
 public:
  ProcessContainer(const boost::asio::any_io_executor& executor, StartedManager manager, ChildProcess process,
                   std::shared_ptr<const ProcessSetup> setup)
      : ManagedContainer(executor, std::move(manager)), process_(std::move(process)), setup_(std::move(setup)) {}

  ~ProcessContainer() override {
    if (!destroyed_ && process_.pid() > 0) static_cast<void>(kill_tree(process_.pid()));
  }

  Task<Result<void>> pause() override { co_return stop_tree(process_.pid()); }
  Task<Result<void>> resume() override {
    continue_tree(process_.pid());
    co_return Result<void>();
  }

  Task<Result<void>> destroy() override {
    detach();
    if (process_.pid() > 0) {
      if (auto killed = kill_tree(process_.pid()); !killed) co_return killed;
      if (!co_await wait_readable(pidfd(), kDeathLimit)) {
        co_return fail(ErrorCode::internal, name() + ": its manager does not die");
      }
      process_.kill_and_reap();
    }
    stop_reading();
    // A manager that died by itself has left orphans behind, which belong to nobody's tree.
    if (is_root()) {
      if (auto killed = kill_orphans_of(worker_uids(setup_->settings)); !killed) co_return fail(killed.error());
    }
    for (const auto& parent : {containers_directory(setup_->settings), work_directory(setup_->settings)}) {
      std::error_code error;
      fs::remove_all(parent / name(), error);
      if (error) co_return fail(errno_error("remove the files of " + name(), error.value()));
    }
    destroyed_ = true;
    co_return Result<void>();
  }

  [[nodiscard]] std::string model_path(const fs::path& relative) const override {
    if (setup_->settings.models.empty()) return {};
    return (setup_->settings.models / relative).string();
  }
  [[nodiscard]] bool out_of_memory() const override { return false; }  // no limit of the kernel's that could tell

 private:
  ChildProcess process_;
  std::shared_ptr<const ProcessSetup> setup_;  // shared with the factory, which may go first
  bool destroyed_ = false;
};

class ProcessFactory final : public ContainerFactory {
 public:
  explicit ProcessFactory(ProcessSetup setup);
  ~ProcessFactory() override { ::rmdir(work_directory(setup_->settings).c_str()); }  // stays while a container is in it
  [[nodiscard]] const BackendCapabilities& capabilities() const override { return capabilities_; }
  Task<Result<int>> clean_up() override { co_return clean_up_process_containers(setup_->settings); }
  Task<Result<std::unique_ptr<Container>>> create(ContainerSpec spec, std::function<void()> on_exit) override;

 private:
  Result<ChildProcess> start(const ContainerSpec& spec, const ContainerFiles& files, OutputPipes& pipes) const;

  std::shared_ptr<const ProcessSetup> setup_;
  BackendCapabilities capabilities_;
};

ProcessFactory::ProcessFactory(ProcessSetup setup) : setup_(std::make_shared<const ProcessSetup>(std::move(setup))) {
  capabilities_.limits_memory = capabilities_.limits_cpu = capabilities_.limits_pids = capabilities_.limits_disk =
      false;
  capabilities_.isolates_functions = is_root();
  const std::string unlimited =
      "disk, processes and CPU are not limited, memory only by looking at it from time to time, and the names and "
      "arguments of "
      "the machine's processes can be seen";
  if (is_root()) {
    capabilities_.name = "process (a uid for each function)";
    capabilities_.warnings.push_back("containers are plain processes under uids of their own: " + unlimited);
  } else {
    capabilities_.name = "process (no isolation)";
    capabilities_.warnings.push_back(
        "containers are plain processes of your own user and protect nothing: a function can read and change all that "
        "you can; " +
        unlimited +
        (setup_->settings.insecure_preload
             ? "; functions share containers all the same, because insecure preloading is on"
             : "; a container holds one function at most"));
  }
}

Result<ChildProcess> ProcessFactory::start(const ContainerSpec& spec, const ContainerFiles& files,
                                           OutputPipes& pipes) const {
  SpawnOptions options;
  options.arguments =
      manager_arguments(setup_->settings.runtime_directory, files.control, spec.worker, setup_->settings.models);
  options.environment = plain_environment();
  options.environment.emplace_back("HOME=/tmp");
  if (is_root()) {
    const fs::path work = work_directory(setup_->settings) / spec.name;
    for (const auto& directory : {work.parent_path(), work}) {  // something may have tidied up /tmp
      if (auto made = make_work_directory(directory); !made) return fail(made.error());
    }
    options.environment.emplace_back("TMPDIR=" + work.string());
  }
  options.output = pipes.write_output.get();
  options.errors = pipes.write_errors.get();
  options.die_with_parent = true;
  if (!spec.network) options.seccomp_program = setup_->network_filter;
  auto process = ChildProcess::spawn(options);
  pipes.write_output.reset();
  pipes.write_errors.reset();
  if (!process) return process;
  std::ofstream file(files.directory / kProcessFile);
  file << process->pid() << ' ' << process_start_time(process->pid()).value_or(0) << '\n';
  return process;
}

Task<Result<std::unique_ptr<Container>>> ProcessFactory::create(ContainerSpec spec, std::function<void()> on_exit) {
  if (auto good = check_container_name(spec.name); !good) co_return fail(good.error());
  auto files = ContainerFiles::make(containers_directory(setup_->settings), spec.name);
  if (!files) co_return fail(files.error().in("create container " + spec.name));
  auto pipes = OutputPipes::make();
  if (!pipes) co_return fail(pipes.error());
  auto process = start(spec, *files, *pipes);
  auto pidfd = process ? open_pidfd(process->pid()) : Result<UniqueFd>(fail(process.error()));
  if (!pidfd) co_return fail(pidfd.error().in("create container " + spec.name));
  StartedManager manager;
  manager.name = spec.name;
  manager.socket = files->control / runtime::kSocketName;
  manager.token = files->token;
  manager.pidfd = std::move(*pidfd);
  manager.output = std::move(pipes->read_output);
  manager.errors = std::move(pipes->read_errors);
  const auto executor = co_await boost::asio::this_coro::executor;
  auto container = std::make_unique<ProcessContainer>(executor, std::move(manager), std::move(*process), setup_);
  if (auto ready = co_await container->wait_until_ready(kReadyLimit); !ready) {
    const auto removed = co_await container->destroy();
    co_return fail(with_remains(ready.error(), removed).in("create container"));
  }
  container->watch(std::move(on_exit));
  co_return std::unique_ptr<Container>(std::move(container));
}

/// Kills the manager that the folder names if it still is the same process.
Result<void> kill_recorded_process(const fs::path& directory) {
  std::ifstream file(directory / kProcessFile);
  pid_t pid = 0;
  unsigned long long start = 0;
  if (!(file >> pid >> start) || pid <= 1 || start == 0 || process_start_time(pid) != start) return {};
  return kill_tree(pid);
}

}  // namespace

Result<int> clean_up_process_containers(const BackendSettings& settings) {
  int count = 0;
  std::error_code error;
  std::vector<fs::path> directories;
  for (fs::directory_iterator it(containers_directory(settings), error), end; !error && it != end;
       it.increment(error)) {
    directories.push_back(it->path());
  }
  if (directories.empty()) return 0;
  for (const auto& directory : directories) {
    if (auto killed = kill_recorded_process(directory); !killed) return fail(killed.error());
  }
  if (is_root()) {
    if (auto killed = kill_orphans_of(worker_uids(settings)); !killed) return fail(killed.error());
    remove_files_of(worker_uids(settings));
    fs::remove_all(work_directory(settings), error);
    if (auto made = make_work_directory(work_directory(settings)); !made) return fail(made.error());
  }
  for (const auto& directory : directories) {
    fs::remove_all(directory, error);
    if (error) return fail(errno_error("remove " + directory.string(), error.value()));
    ++count;
  }
  return count;
}

Result<std::unique_ptr<ContainerFactory>> make_process_factory(const BackendSettings& settings, std::string& reason) {
  auto filter = make_network_filter();
  if (!filter) return fail(filter.error());
  std::error_code error;
  fs::create_directories(containers_directory(settings), error);
  if (error) return fail(errno_error("create " + containers_directory(settings).string(), error.value()));
  if (is_root()) {
    if (auto made = make_work_directory(work_directory(settings)); !made) return fail(made.error());
  }
  reason = is_root() ? "workers run under uids of their own" : "an ordinary user cannot switch uids: no isolation";
  return std::make_unique<ProcessFactory>(ProcessSetup{settings, std::move(*filter)});
}

}  // namespace instainfer::container
