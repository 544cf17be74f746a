#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "instainfer/runtime/protocol.hpp"
#include "manager/background.hpp"
#include "manager/children.hpp"
#include "manager/spawner.hpp"
#include "manager/worker.hpp"

namespace instainfer::runtime {

/// An HTTP answer.
struct Answer {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string_view, std::string>> headers;
};
Answer error_answer(int status, std::string_view sentence);

struct ManagerSettings {
  std::filesystem::path work;    ///< where the workers' directories are made
  std::filesystem::path models;  ///< the model repository; empty: none
  bool isolated = true;          ///< workers get users of their own
};

/// The workers of one container and the rules between them (design.md, 5): one owner, others preloaded; /init and /run
/// kill and wipe all others before a request is handed over.
///
/// Single-threaded: everything happens on the executor of `background`. Lives as long as the process.
class Manager {
 public:
  Manager(ManagerSettings settings, Background& background, Children& children, Spawner& python, Spawner& torchscript,
          Sink& standard_output, Sink& standard_error);

  Task<Answer> init(nlohmann::json body);
  Task<Answer> run(nlohmann::json body);
  Task<Answer> preload(nlohmann::json body);
  Task<Answer> offload(nlohmann::json body);
  Answer status();

  /// The caller of a pending preload went away: stops that load, unless a request waits for it.
  void abandon_preload(const std::string& function);

  /// Watches the memory of workers for as long as the process lives.
  Task<void> watch_memory();

 private:
  using WorkerPtr = std::shared_ptr<Worker>;  // shared with the coroutines that wait for it

  Task<Result<WorkerPtr>> start(WorkerSpec spec, nlohmann::json init);
  Result<void> check(const WorkerSpec& spec) const;
  Result<std::string> make_directory(const WorkerSpec& spec) const;
  Task<void> load(WorkerPtr worker, nlohmann::json init);
  Task<void> wait_until_loaded(WorkerPtr worker);
  /// Ends every worker but `function`'s, those that are about to start included, and waits until all are gone and
  /// wiped.
  Task<Result<void>> clear_all_but(std::string function);
  Task<Answer> hand_over(WorkerPtr worker, std::string request, TimePoint received);
  Answer failure_of(const Worker& worker, const Error& error) const;
  void make_active(Worker& worker);
  void finish_output(WorkerPtr worker);
  Task<void> write_sentinels(WorkerPtr worker);

  void on_exit(const std::string& function, std::weak_ptr<Worker> worker, int wait_status);
  void discard(std::vector<WorkerPtr> workers, const std::string& why);
  Task<void> dispose(std::vector<WorkerPtr> workers);
  Task<bool> wipe_users(std::vector<WorkerPtr> workers);
  Task<bool> kill_trees(std::vector<WorkerPtr> workers);
  /// Until no discarded worker is left; an error if one did not come clean.
  Task<Result<void>> all_clean();

  [[nodiscard]] WorkerPtr find(const std::string& function) const;
  [[nodiscard]] bool busy() const { return running_ > 0; }
  void measure();
  [[nodiscard]] std::vector<pid_t> processes_of(const Worker& worker) const;

  ManagerSettings settings_;
  Background& background_;
  Children& children_;
  Spawner& python_;
  Spawner& torchscript_;
  Sink& standard_output_;
  Sink& standard_error_;

  std::string owner_;
  std::map<std::string, WorkerPtr> workers_;
  std::set<std::string> starting_;           ///< functions whose process is about to exist
  std::set<std::string> abandoned_;          ///< of those, what nobody wants any more
  std::map<std::string, int> waiting_runs_;  ///< /run requests that wait for a load
  std::vector<WorkerPtr> discarded_;         ///< killed, not wiped yet
  std::vector<WorkerDeath> deaths_;
  MemoryGauge own_memory_;  ///< of manager and zygote
  std::string unclean_;  ///< what did not come clean; then every request fails
  int running_ = 0;      ///< /init and /run requests under way
  bool sentinels_pending_ = false;
  Event changed_;
};

}  // namespace instainfer::runtime
