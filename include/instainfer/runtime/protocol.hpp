#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/result.hpp"
#include "instainfer/base/time.hpp"

/// What the invoker and the in-container manager say to each other (proto/runtime-manager.yaml).
///
/// HTTP/1.1 over one UNIX socket, keep-alive, every request with `Authorization: Bearer <token>`:
///   POST /init     OpenWhisk's body plus member `worker` (WorkerSpec): starts the container's own function.
///   POST /run      OpenWhisk's body plus member `function`: runs it. If that function is preloaded (or still loading) here it
///                  is promoted first: every other worker is killed and wiped, then the request is handed over.
///   POST /preload  PreloadRequest -> PreloadReport, answered when the function really is ready, or has failed.
///   POST /offload  {"function": ...} -> {"ok":true}, answered when it is killed and wiped.
///   GET  /status   -> StatusReport
/// Errors are {"error": sentence}: 401 no or wrong token, 400 malformed, 404 unknown function, 409 not now (busy container),
/// 502 the function's own fault, 500 ours (a wipe that did not come clean: the container must go).
/// `/init` and `/run` of a stock runtime image work with the same client; the extra members are ignored there.
namespace instainfer::runtime {

enum class WorkerType { torchscript, python };
std::string_view to_string(WorkerType type);
Result<WorkerType> parse_worker_type(std::string_view text);

/// How a function's worker is started. One process (tree) per function, never two of one function in a container.
struct WorkerSpec {
  std::string function;           ///< the invoker's key of the function: opaque here, [A-Za-z0-9._-]{1,128}
  WorkerType type = WorkerType::python;
  std::uint32_t uid = 0;          ///< user and group of the worker; 0: do not switch (process backend without root)
  Bytes memory_limit;             ///< the manager kills a worker that grows beyond and reports it
  std::string model_path;         ///< torchscript from the model repository: file as the manager sees it; empty: in the code
  int threads = 1;                ///< BLAS/OMP threads of a torchscript worker
  bool operator==(const WorkerSpec&) const = default;
};
nlohmann::json to_json(const WorkerSpec& spec);
Result<WorkerSpec> worker_spec_from_json(const nlohmann::json& json);

/// `init` is OpenWhisk's /init value (name, main, binary, code, env) with stored parameters only: no activation, no deadline,
/// no API key.
struct PreloadRequest {
  WorkerSpec worker;
  nlohmann::json init;
};
nlohmann::json to_json(const PreloadRequest& request);
Result<PreloadRequest> preload_request_from_json(const nlohmann::json& json);

/// The worker is ready: its user code ran its initialisation and it waits for a request.
struct PreloadReport {
  Duration took{};
  Bytes memory;        ///< private memory of the worker (Private_Clean + Private_Dirty of its process tree)
  std::string output;  ///< what it printed while loading, at most 8 KiB: for the invoker's log, never an activation's
};
nlohmann::json to_json(const PreloadReport& report);
Result<PreloadReport> preload_report_from_json(const nlohmann::json& json);

enum class WorkerState { loading, ready, running };
std::string_view to_string(WorkerState state);
struct WorkerStatus {
  std::string function;
  WorkerState state = WorkerState::loading;
  Bytes memory;
};
/// A worker that died or was killed since the last /status, with the reason: "killed by signal 9", "exceeded 512 MiB", ...
struct WorkerDeath {
  std::string function;
  std::string why;
};
struct StatusReport {
  std::string owner;                  ///< function of the last /init or promotion; empty: stem cell
  std::vector<WorkerStatus> workers;
  std::vector<WorkerDeath> deaths;    ///< each is reported once
  Bytes memory;                       ///< private memory of manager, zygote and workers
  bool isolated = true;               ///< workers run under uids of their own
  bool libraries_ready = false;       ///< the zygote (or interpreter) is up
};
nlohmann::json to_json(const StatusReport& report);
Result<StatusReport> status_report_from_json(const nlohmann::json& json);

/// Response headers of /init and /run with what was measured in the container; whole microseconds, bytes.
inline constexpr std::string_view kLoadMicrosHeader = "X-InstaInfer-Load-Micros";        ///< /init: to ready. /run: waited for a load
inline constexpr std::string_view kHandoffMicrosHeader = "X-InstaInfer-Handoff-Micros";  ///< /run: receipt to hand-over (promotion)
inline constexpr std::string_view kRunMicrosHeader = "X-InstaInfer-Run-Micros";          ///< /run: hand-over to answer
inline constexpr std::string_view kMemoryHeader = "X-InstaInfer-Memory-Bytes";           ///< worker's private memory afterwards

/// After each activation's output, once on stdout and once on stderr (contract 4.9).
inline constexpr std::string_view kLogSentinel = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";

/// Files of one container, below the directory given to the manager with --directory.
inline constexpr std::string_view kSocketName = "manager.sock";
inline constexpr std::string_view kTokenName = "token";  ///< root-only, read once and unlinked at start

}  // namespace instainfer::runtime
