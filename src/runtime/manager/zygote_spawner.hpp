#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "manager/background.hpp"
#include "manager/children.hpp"
#include "manager/spawner.hpp"

namespace instainfer::runtime {

/// Starts TorchScript workers through a process that already has libtorch up and forks. Starts that process when first
/// told to, and again when it has died.
class ZygoteSpawner final : public Spawner {
 public:
  ZygoteSpawner(Background& background, Children& children, std::filesystem::path program, std::filesystem::path log);

  /// Starts loading the libraries now rather than with the first worker.
  Result<void> start();

  Task<Result<SpawnedWorker>> spawn(WorkerSpec spec, std::string directory, OnWorkerExit on_exit) override;
  /// True while nobody wants TorchScript workers.
  [[nodiscard]] bool ready() const override { return ready_ || !wanted_; }
  [[nodiscard]] pid_t helper() const override { return pid_; }

 private:
  using Socket = boost::asio::posix::stream_descriptor;

  Task<void> listen(std::shared_ptr<Socket> socket);
  void handle(const nlohmann::json& message);
  void lost();

  Background& background_;
  Children& children_;
  std::filesystem::path program_;
  std::filesystem::path log_;
  std::shared_ptr<Socket> socket_;  ///< shared with the coroutine that listens on it
  pid_t pid_ = 0;
  bool wanted_ = false;
  bool ready_ = false;
  std::uint64_t last_request_ = 0;
  struct Pending {
    OnWorkerExit on_exit;
    std::optional<Result<pid_t>> outcome;
  };
  std::map<std::uint64_t, Pending> pending_;
  Event changed_;
};

}  // namespace instainfer::runtime
