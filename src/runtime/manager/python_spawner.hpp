#pragma once

#include <filesystem>

#include "manager/children.hpp"
#include "manager/spawner.hpp"

namespace instainfer::runtime {

/// Starts our Python launcher in an interpreter of its own for every function.
class PythonSpawner final : public Spawner {
 public:
  PythonSpawner(Children& children, std::filesystem::path launcher)
      : children_(children), launcher_(std::move(launcher)) {}

  Task<Result<SpawnedWorker>> spawn(WorkerSpec spec, std::string directory, OnWorkerExit on_exit) override;
  [[nodiscard]] bool ready() const override { return true; }

 private:
  Children& children_;
  std::filesystem::path launcher_;
};

}  // namespace instainfer::runtime
