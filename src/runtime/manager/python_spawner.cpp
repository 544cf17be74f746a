#include "manager/python_spawner.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "process/confinement.hpp"

extern char** environ;

namespace instainfer::runtime {

namespace {

constexpr int kConfinementFailed = 126;
constexpr const char* kInterpreter = "/usr/bin/python3";
/// The launcher comes as a descriptor: the path to it may lead through folders that the worker's user cannot search.
constexpr const char* kLauncherArgument = "/dev/fd/5";

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// The container's own variables of OpenWhisk (__OW_API_HOST) reach every function, as in a stock runtime.
void append_openwhisk_variables(std::vector<std::string>& environment) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::string_view(*entry).starts_with("__OW_")) environment.emplace_back(*entry);
  }
}

[[noreturn]] void become_interpreter(const WorkerDescriptors& descriptors, const Confinement& confinement,
                                     pid_t manager, std::vector<std::string> environment) {
  auto done = arrange_descriptors(descriptors);
  if (done) done = confine(confinement, manager);
  if (!done) {
    dprintf(STDERR_FILENO, "The worker cannot be confined: %s\n", done.error().message.c_str());
    _exit(kConfinementFailed);
  }
  std::vector<std::string> arguments = {kInterpreter, "-I", kLauncherArgument};
  execve(kInterpreter, pointers(arguments).data(), pointers(environment).data());
  dprintf(STDERR_FILENO, "%s cannot be run: %m\n", kInterpreter);
  _exit(kConfinementFailed);
}

}  // namespace

Task<Result<SpawnedWorker>> PythonSpawner::spawn(WorkerSpec spec, std::string directory, OnWorkerExit on_exit) {
  const UniqueFd launcher(open(launcher_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!launcher.valid()) co_return fail(errno_error("open " + launcher_.string()));
  auto pipes = make_worker_pipes();
  if (!pipes) co_return fail(pipes.error());
  auto environment = worker_environment(directory, spec.threads);
  append_openwhisk_variables(environment);
  const WorkerDescriptors descriptors{.standard_output = pipes->standard_output.get(),
                                      .standard_error = pipes->standard_error.get(),
                                      .kept = {pipes->channel.get(), pipes->channel.get(), launcher.get()}};
  const pid_t manager = getpid();
  const pid_t pid = fork();
  if (pid < 0) co_return fail(errno_error("fork"));
  if (pid == 0) become_interpreter(descriptors, {spec.uid, directory}, manager, std::move(environment));
  children_.watch(pid, std::move(on_exit));
  pipes->manager_side.pid = pid;
  co_return std::move(pipes->manager_side);
}

}  // namespace instainfer::runtime
