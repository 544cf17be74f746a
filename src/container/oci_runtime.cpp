#include "oci_runtime.hpp"

#include <unistd.h>

#include <fstream>

#include "async_process.hpp"
#include "instainfer/base/encoding.hpp"

namespace instainfer::container {
namespace fs = std::filesystem;
namespace {

constexpr auto kTrialLimit = std::chrono::seconds(20);
constexpr auto kVersionLimit = std::chrono::seconds(5);
constexpr auto kRemoveLimit = std::chrono::seconds(20);
constexpr std::string_view kTrialName = "trial";

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto start = text.rfind('\n');
  return start == std::string::npos ? text : text.substr(start + 1);
}

bool has_swap_accounting(const CgroupLayout& cgroups) {
  if (cgroups.version == CgroupLayout::Version::v1) return fs::exists(cgroups.memory / "memory.memsw.limit_in_bytes");
  return fs::exists("/proc/swaps") && cgroups.version == CgroupLayout::Version::v2;
}

}  // namespace

std::vector<std::string> OciRuntime::command(std::vector<std::string> arguments) const {
  std::vector<std::string> line = {program, "--root", state.string()};
  line.insert(line.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
  return line;
}

Task<Result<void>> OciRuntime::remove(std::string id) const {
  std::error_code error;
  if (!fs::exists(state / id, error)) co_return Result<void>();
  auto line = command({"delete", "--force", id});
  const auto result = co_await run_command(std::move(line), kRemoveLimit);
  if (!result) co_return fail(result.error());
  if (fs::exists(state / id, error)) {
    co_return fail(ErrorCode::internal, version + " delete of container " + id + " " +
                                            describe_wait_status(result->status) +
                                            " and leaves it: " + last_line(result->output));
  }
  co_return Result<void>();
}

BundlePlan OciSetup::plan_for(const std::string& name) const {
  BundlePlan plan;
  plan.etc = etc();
  plan.models = settings.models;
  plan.programs = settings.runtime_directory;
  plan.library_paths = settings.library_paths;
  plan.cgroup_path = cgroup_parent + "/" + name;
  plan.tmp_size = settings.tmp_size;
  plan.pids_limit = settings.pids_limit;
  plan.swap_accounting = has_swap_accounting(cgroups);
  plan.cgroup_namespace = fs::exists("/proc/self/ns/cgroup");
  return plan;
}

Result<void> try_container(const OciSetup& setup) {
  const std::string id(kTrialName);
  const fs::path bundle = setup.containers() / id;
  std::error_code error;
  fs::create_directories(bundle / "run", error);
  auto plan = setup.plan_for(id);
  plan.rootfs = bundle / "rootfs";
  plan.control = bundle / "run";
  plan.arguments = {"/usr/bin/true"};
  plan.memory_limit = Bytes{64LL << 20};
  if (auto made = make_rootfs(plan.rootfs); !made) return made;
  std::ofstream(bundle / "config.json") << make_oci_config(plan).dump();
  const auto ran = run_command_blocking(setup.runtime.command({"run", "--bundle", bundle.string(), id}), kTrialLimit);
  static_cast<void>(run_command_blocking(setup.runtime.command({"delete", "--force", id}), kRemoveLimit));
  const auto removed = setup.cgroup_of(id).remove();
  fs::remove_all(bundle, error);
  if (!ran) return fail(ran.error());
  if (!ran->succeeded()) {
    return fail(ErrorCode::not_supported,
                "a trial container " + describe_wait_status(ran->status) + ": " + last_line(ran->output));
  }
  return removed;
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  for (const char* directory : {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    const std::string path = std::string(directory) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

Result<std::string> find_version(const std::string& program) {
  const auto result = run_command_blocking({program, "--version"}, kVersionLimit);
  if (!result) return fail(result.error());
  if (!result->succeeded())
    return fail(ErrorCode::not_supported, program + " --version " + describe_wait_status(result->status));
  std::string line = result->output.substr(0, result->output.find('\n'));
  if (const auto word = line.find(" version "); word != std::string::npos) line.erase(word, 8);
  return line.substr(0, line.find('+'));
}

std::string state_tag(const fs::path& state_directory) {
  return sha256_hex(fs::weakly_canonical(state_directory).string()).substr(0, 12);
}

}  // namespace instainfer::container
