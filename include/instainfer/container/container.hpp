#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/base/time.hpp"
#include "instainfer/openwhisk/activation.hpp"
#include "instainfer/runtime/protocol.hpp"

namespace instainfer::container {

struct ContainerSpec {
  std::string name;  ///< unique on the node: OpenWhisk's form wsk<N>_<counter>_<ns>_<action> (contract 4.3)
  runtime::WorkerType worker = runtime::WorkerType::python;
  Bytes memory_limit;
  int cpu_shares = 1024;  ///< relative weight (contract 5.10)
  bool network = false;   ///< none unless configured
};

/// Lines an activation printed, ready for the record, and whether all of them are there (contract 4.9).
struct CollectedLogs {
  std::vector<std::string> lines;
  bool complete = true;  ///< false: truncated or trouble; the container must go (contract 4.7)
};

/// One running container. All calls from the invoker's strand. Destroyed (as an object) only after destroy() came back.
class Container {
 public:
  virtual ~Container() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;

  /// Freezes all its processes; only while nothing runs in it.
  virtual Task<Result<void>> pause() = 0;
  virtual Task<Result<void>> resume() = 0;
  /// Kills everything and removes processes, mounts, cgroups, files. Idempotent. An error names what is left.
  virtual Task<Result<void>> destroy() = 0;

  /// POST to /init or /run, at most `limit` long, answer at most `max_body` (contract 4.5). Timings come from the headers.
  struct Exchange {
    openwhisk::ContainerAnswer answer;
    Duration took{};                 ///< whole exchange, as the caller saw it
    Duration load{}, handoff{}, run{};
    Bytes memory;                    ///< of the worker afterwards; 0: not reported
  };
  virtual Task<Exchange> init(nlohmann::json body, Duration limit, Bytes max_body) = 0;
  virtual Task<Exchange> run(nlohmann::json body, Duration limit, Bytes max_body) = 0;

  virtual Task<Result<runtime::PreloadReport>> preload(runtime::PreloadRequest request, Duration limit) = 0;
  virtual Task<Result<void>> offload(std::string function, Duration limit) = 0;
  virtual Task<Result<runtime::StatusReport>> status() = 0;

  /// The output since the last collection, up to both sentinels if they are to be waited for (contract 4.9).
  virtual Task<CollectedLogs> collect_logs(Bytes limit, bool wait_for_sentinels) = 0;

  /// Where the manager finds `relative` below the node's model repository; empty if the container has none.
  [[nodiscard]] virtual std::string model_path(const std::filesystem::path& relative) const = 0;
  /// The kernel says that the memory limit killed something in it.
  [[nodiscard]] virtual bool out_of_memory() const = 0;
};

/// What a backend can protect against, for /status, the warning at start and the core's settings (design.md, 5).
struct BackendCapabilities {
  std::string name;                     ///< "oci (runc 1.1.5, cgroup v1)"
  bool isolates_functions = true;       ///< a uid for each; false: one function per container at most
  bool limits_memory = true, limits_cpu = true, limits_pids = true, limits_disk = true;
  bool can_pause = true;
  std::vector<std::string> warnings;    ///< one clear sentence each
};

/// Makes containers. `oci` and `process` here; docker in a later step.
class ContainerFactory {
 public:
  virtual ~ContainerFactory() = default;
  [[nodiscard]] virtual const BackendCapabilities& capabilities() const = 0;
  /// Removes what an earlier run of this invoker left: containers, mounts, cgroups, processes. Answers how many containers.
  virtual Task<Result<int>> clean_up() = 0;
  /// Ready when its manager answers (a zygote may still be coming up). `on_exit` is called once, on the invoker's strand, if
  /// the container dies without destroy().
  virtual Task<Result<std::unique_ptr<Container>>> create(ContainerSpec spec, std::function<void()> on_exit) = 0;
};

struct BackendSettings {
  std::string backend = "auto";                 ///< auto, oci, process
  std::filesystem::path state_directory;        ///< bundles, sockets, pid files; 0700
  std::filesystem::path runtime_directory;      ///< where instainfer-runtime and its workers are (our bin folder)
  std::filesystem::path models;                 ///< the node's model repository; empty: none
  std::string oci_runtime = "auto";             ///< auto, runc, crun, or a path
  Bytes tmp_size{512LL << 20};                  ///< private /tmp (and /dev/shm) of a container
  int pids_limit = 1024;
  bool insecure_preload = false;                ///< several functions in one container without isolation
  std::uint32_t first_uid = 200000, uid_count = 10000;  ///< range that workers run under; clean_up kills what is left there
  std::vector<std::filesystem::path> library_paths;     ///< extra read-only binds (a libtorch outside /usr)
};
/// Chooses the backend (one log line says which and why). An explicit one that cannot work here is an error that says why.
Result<std::unique_ptr<ContainerFactory>> make_container_factory(const BackendSettings& settings);

}  // namespace instainfer::container
