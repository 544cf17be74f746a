#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <spdlog/logger.h>

#include "activation_record.hpp"
#include "function_table.hpp"
#include "instainfer/base/task_group.hpp"
#include "instainfer/container/uid_pool.hpp"
#include "instainfer/core/node.hpp"
#include "instainfer/invoker/invoker.hpp"
#include "measures.hpp"
#include "profile_book.hpp"

namespace instainfer::invoker {

/// A worker of one function inside a container, as the driver keeps track of it.
struct Worker {
  std::uint32_t uid = 0;
  std::uint64_t generation = 0;  ///< tells a later worker of the same function from this one
  bool doomed = false;           ///< a promotion or removal kills it: its load's outcome is of no interest any more
};

/// A container as the driver holds it; shared by the coroutines that work on it.
struct Slot {
  core::ContainerId id;
  core::CreateContainer order;
  std::string name;
  std::unique_ptr<container::Container> container;  ///< null until it was created
  std::map<core::FunctionId, Worker> workers;
  std::optional<core::FunctionId> own;
  int active = 0;
  Bytes base;  ///< private memory of manager and zygote
  bool paused = false;
  bool ready = false;     ///< the core was told that it exists
  bool removing = false;
  bool died = false;      ///< the core was told that it is gone; what is left is cleaned up
  TimePoint created{};
};

/// An activation this node took and has not finished.
struct ActiveJob {
  openwhisk::ActivationMessage message;
  std::shared_ptr<const Function> function;
  TimePoint received{};
};

struct Run;  // activation_work.cpp

/// Implementation of Invoker. Files: driver.cpp (events, commands, start, stop), container_work.cpp (coroutines that make, load
/// and remove), activation_work.cpp (one activation from message to record), status.cpp.
struct Invoker::Impl {
  Impl(boost::asio::any_io_executor its_executor, const Config& its_config, Dependencies dependencies,
       std::unique_ptr<core::Node> its_node, FunctionTable table);

  // driver.cpp
  Task<Result<void>> start();
  Task<void> stop();
  void tell(core::Event event);
  void arm_timer();
  void carry_out(core::CreateContainer command);
  void carry_out(core::RemoveContainer command);
  void carry_out(core::PauseContainer command);
  void carry_out(core::ResumeContainer command);
  void carry_out(core::PreloadFunction command);
  void carry_out(core::OffloadFunction command);
  void carry_out(core::StartActivation command);
  void carry_out(core::RejectActivation command);
  void carry_out(core::Solve command);
  Task<void> solve(core::Solve command);
  Task<void> housekeeping();
  Task<void> save_profiles();
  Task<Result<void>> plan_known_actions();
  Task<void> reload_action(openwhisk::EntityName name);
  void add_function(const FunctionTable::Interned& interned);
  void forget_function(const openwhisk::EntityName& name);

  // container_work.cpp
  Task<void> create(std::shared_ptr<Slot> slot);
  Task<void> remove(std::shared_ptr<Slot> slot, core::RemoveReason reason);
  Task<void> pause(std::shared_ptr<Slot> slot);
  Task<void> resume(std::shared_ptr<Slot> slot);
  Task<void> preload(std::shared_ptr<Slot> slot, core::FunctionId id, core::PreloadLevel level);
  Task<void> offload(std::shared_ptr<Slot> slot, core::FunctionId id);
  Task<void> inspect(std::shared_ptr<Slot> slot);
  void container_exited(core::ContainerId id);
  Result<runtime::WorkerSpec> new_worker(Slot& slot, const Function& function);
  void release_worker(Slot& slot, core::FunctionId id);
  void release_workers_but(Slot& slot, std::optional<core::FunctionId> kept);
  std::shared_ptr<Slot> slot_of(core::ContainerId id) const;

  // activation_work.cpp
  Task<void> admit(openwhisk::ActivationMessage message);
  Task<Result<std::shared_ptr<const openwhisk::Action>>> fetch_action(openwhisk::ActivationMessage message);
  Task<void> run(core::StartActivation command);
  /// /init for this activation; false if it failed, with the response in `run.outcome`.
  Task<bool> initialise(std::shared_ptr<Run> run);
  /// /run; false if the container was unhealthy before it saw the request.
  Task<bool> execute(std::shared_ptr<Run> run);
  Task<void> conclude(std::shared_ptr<Run> run);
  void give_back(std::shared_ptr<Run> run);
  Task<void> store_record(openwhisk::Activation record, bool wanted);
  void fail_before_container(const openwhisk::ActivationMessage& message, const openwhisk::Action* action,
                             openwhisk::StatusCode status, const std::string& error);
  void acknowledge(const openwhisk::ActivationMessage& message, const openwhisk::Activation& record, bool with_result,
                   bool completion);

  boost::asio::any_io_executor executor;
  Config config;
  Dependencies deps;
  std::shared_ptr<spdlog::logger> log;
  std::unique_ptr<core::Node> node;
  FunctionTable functions;
  ProfileBook profiles;
  container::UidPool uids;
  Measures measures;

  std::map<core::ContainerId, std::shared_ptr<Slot>> slots;
  std::unordered_map<core::ActivationKey, std::shared_ptr<ActiveJob>> jobs;
  std::unordered_map<std::string, std::shared_ptr<const openwhisk::Action>> actions;  ///< by qualified name
  std::deque<core::Event> events;
  bool telling = false;
  bool stopping = false;
  std::size_t profiles_being_saved = 0;
  std::uint64_t next_activation = 0;
  std::uint64_t next_generation = 0;
  std::uint64_t next_container_name = 0;
  boost::asio::steady_timer wake_timer;
  boost::asio::steady_timer housekeeping_timer;
  boost::asio::steady_timer idle_signal;  ///< cancelled when the last activation ended
  boost::asio::thread_pool solver{1};
  TaskGroup tasks;
};

}  // namespace instainfer::invoker
