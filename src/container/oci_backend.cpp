#include <unistd.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/this_coro.hpp>
#include <csignal>
#include <fstream>

#include "async_process.hpp"
#include "backends.hpp"
#include "instainfer/base/files.hpp"
#include "managed_container.hpp"
#include "oci_runtime.hpp"

namespace instainfer::container {
namespace fs = std::filesystem;
namespace {

constexpr auto kRunLimit = std::chrono::seconds(30);
constexpr auto kReadyLimit = std::chrono::seconds(20);
constexpr auto kDeathLimit = std::chrono::seconds(5);
constexpr int kLeastCpuShares = 2;  // the kernel's minimum

Result<void> remove_directory(const fs::path& directory) {
  std::error_code error;
  fs::remove_all(directory, error);
  if (error) return fail(errno_error("remove " + directory.string(), error.value()));
  return {};
}

/// Takes away all of one container, whatever is left of it. Needs nothing but its name, so that it serves clean_up()
/// too.
Task<Result<void>> remove_container(const OciSetup& setup, std::string name) {
  const Cgroup cgroup = setup.cgroup_of(name);
  if (auto killed = cgroup.kill_all(); !killed) co_return killed;
  if (auto removed = co_await setup.runtime.remove(name); !removed) co_return removed;
  if (auto removed = cgroup.remove(); !removed) co_return removed;
  co_return remove_directory(setup.containers() / name);
}

class OciContainer final : public ManagedContainer {
 public:
  OciContainer(const boost::asio::any_io_executor& executor, StartedManager manager,
               std::shared_ptr<const OciSetup> setup, int cpu_shares)
      : ManagedContainer(executor, std::move(manager)),
        setup_(std::move(setup)),
        cgroup_(setup_->cgroup_of(name())),
        cpu_shares_(cpu_shares) {}

  Task<Result<void>> pause() override { co_return cgroup_.freeze(); }
  Task<Result<void>> resume() override { co_return cgroup_.thaw(); }

  Task<Result<void>> destroy() override {
    detach();
    if (cgroup_.exists())
      static_cast<void>(cgroup_.thaw());  // a frozen process does not die; kill_all() reports if it stays so
    signal_pidfd(pidfd(), SIGKILL);
    // It is the first process of its pid namespace: the kernel ends all others before it.
    co_await wait_readable(pidfd(), kDeathLimit);
    const bool oom = cgroup_.oom_kills() > 0;
    auto removed = co_await remove_container(*setup_, name());
    was_out_of_memory_ = was_out_of_memory_ || oom;
    stop_reading();
    co_return removed;
  }

  [[nodiscard]] std::string model_path(const fs::path& relative) const override {
    if (setup_->settings.models.empty()) return {};
    return (fs::path(kModelsDirectory) / relative).string();
  }
  [[nodiscard]] bool out_of_memory() const override { return was_out_of_memory_ || cgroup_.oom_kills() > 0; }

 protected:
  void set_cpu_weight(CpuWeight weight) override {
    // A container that dies at this moment has no cgroup any more; the call that follows will tell.
    static_cast<void>(cgroup_.set_cpu_shares(weight == CpuWeight::full ? cpu_shares_ : kLeastCpuShares));
  }

 private:
  std::shared_ptr<const OciSetup> setup_;  // shared with the factory, which may go first
  Cgroup cgroup_;
  int cpu_shares_;
  bool was_out_of_memory_ = false;
};

class OciFactory final : public ContainerFactory {
 public:
  explicit OciFactory(OciSetup setup) : setup_(std::make_shared<const OciSetup>(std::move(setup))) {
    capabilities_.name = "oci (" + setup_->runtime.version + ", " + setup_->cgroups.describe() + ")";
  }

  ~OciFactory() override { Cgroup(setup_->cgroups, setup_->cgroup_parent.substr(1)).remove_if_empty(); }

  [[nodiscard]] const BackendCapabilities& capabilities() const override { return capabilities_; }
  Task<Result<int>> clean_up() override;
  Task<Result<std::unique_ptr<Container>>> create(ContainerSpec spec, std::function<void()> on_exit) override;

 private:
  Task<Result<StartedManager>> start(ContainerSpec spec);
  Result<void> write_bundle(const ContainerSpec& spec, const ContainerFiles& files) const;

  std::shared_ptr<const OciSetup> setup_;
  BackendCapabilities capabilities_;
};

Result<void> OciFactory::write_bundle(const ContainerSpec& spec, const ContainerFiles& files) const {
  auto plan = setup_->plan_for(spec.name);
  plan.rootfs = files.directory / "rootfs";
  plan.control = files.control;
  plan.arguments = manager_arguments(fs::path(kProgramsDirectory), fs::path(kControlDirectory), spec.worker,
                                     plan.models.empty() ? fs::path() : fs::path(kModelsDirectory));
  plan.memory_limit = spec.memory_limit;
  plan.cpu_shares = spec.cpu_shares;
  plan.network = spec.network;
  if (auto made = make_rootfs(plan.rootfs); !made) return made;
  const fs::path path = files.directory / "config.json";
  std::ofstream file(path);
  file << make_oci_config(plan).dump();
  file.close();
  if (!file) return fail(ErrorCode::internal, "cannot write " + path.string());
  return {};
}

Task<Result<StartedManager>> OciFactory::start(ContainerSpec spec) {
  auto files = ContainerFiles::make(setup_->containers(), spec.name);
  if (!files) co_return fail(files.error());
  if (auto written = write_bundle(spec, *files); !written) co_return fail(written.error());
  auto pipes = OutputPipes::make();
  if (!pipes) co_return fail(pipes.error());
  const std::string pid_file = (files->directory / "pid").string(), log = (files->directory / "runtime.log").string();
  auto command = setup_->runtime.command(
      {"--log", log, "run", "--detach", "--bundle", files->directory.string(), "--pid-file", pid_file, spec.name});
  const auto ran = co_await run_command_with_output(std::move(command), std::move(pipes->write_output),
                                                    std::move(pipes->write_errors), log, kRunLimit);
  if (!ran) co_return fail(ran.error());
  if (!ran->succeeded()) {
    co_return fail(ErrorCode::internal,
                   setup_->runtime.version + " " + describe_wait_status(ran->status) + ": " + ran->output);
  }
  const std::string pid_text = read_file(pid_file).value_or("");
  auto pidfd = open_pidfd(std::atoi(pid_text.c_str()));
  if (!pidfd) co_return fail(pidfd.error().in("the container ended at once"));
  StartedManager manager;
  manager.name = spec.name;
  manager.socket = files->control / runtime::kSocketName;
  manager.token = files->token;
  manager.pidfd = std::move(*pidfd);
  manager.output = std::move(pipes->read_output);
  manager.errors = std::move(pipes->read_errors);
  co_return manager;
}

Task<Result<std::unique_ptr<Container>>> OciFactory::create(ContainerSpec spec, std::function<void()> on_exit) {
  if (auto good = check_container_name(spec.name); !good) co_return fail(good.error());
  std::error_code error;
  if (fs::exists(setup_->containers() / spec.name, error)) {
    co_return fail(ErrorCode::already_exists, "there is a container " + spec.name + " already");
  }
  auto manager = co_await start(spec);
  if (!manager) {
    const auto removed = co_await remove_container(*setup_, spec.name);
    co_return fail(with_remains(manager.error(), removed).in("create container " + spec.name));
  }
  const auto executor = co_await boost::asio::this_coro::executor;
  auto container = std::make_unique<OciContainer>(executor, std::move(*manager), setup_, spec.cpu_shares);
  if (auto ready = co_await container->wait_until_ready(kReadyLimit); !ready) {
    const auto removed = co_await container->destroy();
    co_return fail(with_remains(ready.error(), removed).in("create container"));
  }
  container->watch(std::move(on_exit));
  co_return std::unique_ptr<Container>(std::move(container));
}

Task<Result<int>> OciFactory::clean_up() {
  auto earlier = clean_up_process_containers(setup_->settings);
  if (!earlier) co_return earlier;
  int count = *earlier;
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(setup_->containers(), error))
    names.push_back(entry.path().filename());
  for (const auto& name : names) {
    if (auto removed = co_await remove_container(*setup_, name); !removed) co_return fail(removed.error());
    ++count;
  }
  // A crash between two steps can leave a cgroup without a folder; whatever is below our parent is ours.
  const Cgroup parent(setup_->cgroups, setup_->cgroup_parent.substr(1));
  if (auto killed = parent.kill_all(); !killed) co_return fail(killed.error());
  if (auto removed = parent.remove(); !removed) co_return fail(removed.error());
  co_return count;
}

Result<OciSetup> prepare(const BackendSettings& settings) {
  OciSetup setup;
  setup.settings = settings;
  setup.runtime.state = settings.state_directory / "oci";
  setup.cgroups = find_cgroup_layout();
  setup.cgroup_parent = "/instainfer/" + state_tag(settings.state_directory);
  if (::geteuid() != 0) return fail(ErrorCode::not_supported, "it needs root");
  if (setup.cgroups.version == CgroupLayout::Version::none) {
    return fail(ErrorCode::not_supported, "no cgroups with a memory controller are mounted");
  }
  std::error_code error;
  for (const auto& directory : {setup.containers(), setup.runtime.state}) {
    fs::create_directories(directory, error);
    if (error) return fail(errno_error("create " + directory.string(), error.value()));
  }
  if (auto made = make_etc(setup.etc()); !made) return fail(made.error());
  return setup;
}

}  // namespace

Result<std::unique_ptr<ContainerFactory>> make_oci_factory(const BackendSettings& settings, std::string& reason) {
  auto setup = prepare(settings);
  if (!setup) return fail(setup.error());
  std::vector<std::string> candidates = {settings.oci_runtime};
  if (settings.oci_runtime == "auto") candidates = {"runc", "crun"};
  std::string refusals;
  for (const auto& candidate : candidates) {
    setup->runtime.program = find_program(candidate);
    auto works = setup->runtime.program.empty() ? Result<void>(fail(ErrorCode::not_found, "it is not installed"))
                                                : Result<void>();
    if (works) {
      auto version = find_version(setup->runtime.program);
      if (version) setup->runtime.version = *version;
      works = version ? try_container(*setup) : fail(version.error());
    }
    if (works) {
      reason = setup->runtime.version + " runs a trial container on " + setup->cgroups.describe() + refusals;
      return std::make_unique<OciFactory>(std::move(*setup));
    }
    refusals += "; " + candidate + " does not: " + works.error().message;
  }
  return fail(ErrorCode::not_supported, "no container runtime works on " + setup->cgroups.describe() + refusals);
}

}  // namespace instainfer::container
