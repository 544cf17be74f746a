#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends.hpp"

namespace instainfer::container {
namespace fs = std::filesystem;
namespace {

Result<void> check_settings(const BackendSettings& settings) {
  const auto invalid = [](std::string message) {
    return Result<void>(fail(ErrorCode::invalid_argument, std::move(message)));
  };
  if (settings.backend != "auto" && settings.backend != "oci" && settings.backend != "process") {
    return invalid("container backend \"" + settings.backend + "\" is unknown; it is one of auto, oci, process");
  }
  if (settings.pids_limit < 16)
    return invalid("a limit of fewer than 16 processes leaves no room for a manager and its workers");
  if (settings.tmp_size.count <= 0) return invalid("the size of a container's /tmp must be above 0");
  if (settings.first_uid == 0 || settings.uid_count == 0)
    return invalid("the range of worker uids must be non-empty and without 0");
  const fs::path program = settings.runtime_directory / "instainfer-runtime";
  if (::access(program.c_str(), X_OK) != 0) {
    return fail(ErrorCode::not_found,
                "no program " + program.string() + "; set the directory that instainfer-runtime is in");
  }
  std::error_code error;
  if (!settings.models.empty() && !fs::is_directory(settings.models, error)) {
    return fail(ErrorCode::not_found, "the model repository " + settings.models.string() + " is not a directory");
  }
  for (const auto& path : settings.library_paths) {
    if (!path.is_absolute() || !fs::is_directory(path, error)) {
      return fail(ErrorCode::not_found,
                  "the library path " + path.string() + " is not an absolute path of a directory");
    }
  }
  return {};
}

/// The same settings with absolute paths, and a state directory that only its owner can enter.
Result<BackendSettings> prepare_directories(BackendSettings settings) {
  std::error_code error;
  for (fs::path* path : {&settings.state_directory, &settings.runtime_directory, &settings.models}) {
    if (!path->empty()) *path = fs::absolute(*path, error).lexically_normal();
  }
  fs::create_directories(settings.state_directory, error);
  if (error) return fail(errno_error("create " + settings.state_directory.string(), error.value()));
  if (::chmod(settings.state_directory.c_str(), 0700) != 0)
    return fail(errno_error("chmod " + settings.state_directory.string()));
  return settings;
}

}  // namespace

Result<std::unique_ptr<ContainerFactory>> make_container_factory(const BackendSettings& wanted) {
  if (auto good = check_settings(wanted); !good) return fail(good.error());
  const auto settings = prepare_directories(wanted);
  if (!settings) return fail(settings.error());
  std::string reason;
  if (settings->backend != "process") {
    auto factory = make_oci_factory(*settings, reason);
    if (factory) {
      spdlog::info("container backend chosen backend=\"{}\" reason=\"{}\"", (*factory)->capabilities().name, reason);
      return factory;
    }
    if (settings->backend == "oci") return fail(factory.error().in("container backend oci"));
    reason = factory.error().message;
  }
  std::string own_reason;
  auto factory = make_process_factory(*settings, own_reason);
  if (!factory) return fail(factory.error().in("container backend process"));
  const std::string why =
      settings->backend == "process" ? "set in the configuration; " : "oci does not work: " + reason + "; ";
  spdlog::info("container backend chosen backend=\"{}\" reason=\"{}\"", (*factory)->capabilities().name,
               why + own_reason);
  for (const auto& warning : (*factory)->capabilities().warnings) spdlog::warn("{}", warning);
  return factory;
}

}  // namespace instainfer::container
