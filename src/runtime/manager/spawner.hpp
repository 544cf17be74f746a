#pragma once

#include <memory>
#include <string>

#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/base/unique_fd.hpp"
#include "instainfer/runtime/protocol.hpp"
#include "manager/worker.hpp"

namespace instainfer::runtime {

/// Called once when the process of a worker has ended.
using OnWorkerExit = std::function<void(int wait_status)>;

/// Starts workers of one kind. A further form (zygotes of the node that enter the container) only has to implement
/// this.
class Spawner {
 public:
  virtual ~Spawner() = default;
  /// `directory` is there and belongs to the worker's user.
  virtual Task<Result<SpawnedWorker>> spawn(WorkerSpec spec, std::string directory, OnWorkerExit on_exit) = 0;
  /// Whatever it needs to be quick is up.
  [[nodiscard]] virtual bool ready() const = 0;
  /// A helper process whose memory counts; 0: none.
  [[nodiscard]] virtual pid_t helper() const { return 0; }
};

/// Both ends of what connects a worker with the manager.
struct WorkerPipes {
  SpawnedWorker manager_side;
  UniqueFd channel;
  UniqueFd standard_output;
  UniqueFd standard_error;
};
Result<WorkerPipes> make_worker_pipes();

}  // namespace instainfer::runtime
