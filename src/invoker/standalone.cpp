#include "standalone.hpp"

#include <sys/file.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/logger.h>

#include "admin_server.hpp"
#include "instainfer/base/encoding.hpp"
#include "instainfer/base/files.hpp"
#include "instainfer/base/unique_fd.hpp"
#include "instainfer/bus/local_bus.hpp"
#include "instainfer/controller/controller.hpp"
#include "instainfer/invoker/invoker.hpp"
#include "instainfer/store/sqlite_store.hpp"

namespace instainfer::invoker {
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

fs::path program_directory() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

fs::path default_data_directory() {
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "/var/lib" : home) / ".instainfer" / "standalone";
}

/// Sockets and bundles live outside the data directory: a UNIX socket's path may have 107 characters at most. The name stays
/// the same over restarts, so that clean-up finds what an earlier run left.
fs::path state_directory(const fs::path& data) {
  const std::string id = sha256_hex(fs::absolute(data).lexically_normal().string()).substr(0, 12);
  if (::geteuid() == 0) return "/run/instainfer-" + id;
  return fs::temp_directory_path() / ("instainfer-" + std::to_string(::geteuid()) + "-" + id);
}

Result<void> complete(Config& config, const StandaloneOptions& options) {
  if (config.data_directory.empty()) config.data_directory = default_data_directory();
  std::error_code error;
  if (options.clean) fs::remove_all(config.data_directory, error);
  fs::create_directories(config.data_directory, error);
  if (error) return fail(ErrorCode::internal, "data directory " + config.data_directory.string() + ": " + error.message());
  if (config.runtimes.empty()) config.runtimes = program_directory() / "runtimes.json";
  config.container.runtime_directory = program_directory();
  config.container.state_directory = state_directory(config.data_directory);
  if (!config.models.empty()) config.models = fs::absolute(config.models);
  config.container.models = config.models;
  return {};
}

/// Two daemons on one data directory would clean up each other's containers.
Result<UniqueFd> lock_data_directory(const fs::path& directory) {
  const fs::path file = directory / "lock";
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("open " + file.string()));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::already_exists, "the data directory " + directory.string() +
                                               " is in use by another instainferd; stop it or choose another --data-dir");
  }
  return fd;
}

Result<openwhisk::RuntimesManifest> load_manifest(const fs::path& file) {
  const auto text = read_file(file, Bytes{1 << 20});
  if (!text) return fail(text.error().in("runtimes manifest"));
  auto manifest = openwhisk::RuntimesManifest::parse(*text);
  if (!manifest) return fail(manifest.error().in(file.string()));
  return manifest;
}

Result<std::optional<tensors::ModelRepository>> open_models(const fs::path& root) {
  if (root.empty()) return std::optional<tensors::ModelRepository>();
  auto models = tensors::ModelRepository::open(root);
  if (!models) return fail(models.error());
  return std::optional<tensors::ModelRepository>(std::move(*models));
}

/// The parts of standalone mode in the order of their dependencies.
class Standalone {
 public:
  static Result<std::unique_ptr<Standalone>> make(asio::any_io_executor executor, const Config& config,
                                                  std::shared_ptr<spdlog::logger> log) {
    auto self = std::make_unique<Standalone>(executor, config, log);
    auto manifest = load_manifest(config.runtimes);
    if (!manifest) return fail(manifest.error());
    self->manifest_ = std::move(*manifest);
    auto models = open_models(config.models);
    if (!models) return fail(models.error());
    self->models_ = std::move(*models);
    auto store = store::SqliteStore::open(config.data_directory / "instainfer.sqlite");
    if (!store) return fail(store.error());
    self->store_ = std::move(*store);
    auto containers = container::make_container_factory(config.container);
    if (!containers) return fail(containers.error());
    self->containers_ = std::move(*containers);
    if (auto wired = self->wire(); !wired) return fail(wired.error());
    return self;
  }

  Standalone(asio::any_io_executor executor, const Config& config, std::shared_ptr<spdlog::logger> log)
      : executor_(executor), config_(config), log_(std::move(log)), bus_(executor, executor) {}

  Task<Result<void>> start() {
    if (auto bound = controller_->start(); !bound) co_return bound;
    if (auto bound = admin_->start(); !bound) co_return bound;
    if (auto started = co_await invoker_->start(); !started) co_return started;
    std::cout << "instainferd ready: api=http://" << config_.api.bind << ":" << controller_->port() << " admin=http://"
              << config_.admin.bind << ":" << admin_->port() << " backend=" << containers_->capabilities().name
              << " preloading=" << (config_.node.preload.enabled ? config_.node.preload.planner : "off") << std::endl;
    log_->info("try: wsk property set --apihost http://{}:{} --auth {}:{}", config_.api.bind, controller_->port(),
               users_.front().auth_uuid, users_.front().auth_key);
    co_return Result<void>();
  }

  Task<void> stop() {
    bus_.close();
    co_await invoker_->stop();
    co_await controller_->stop();
    co_await admin_->stop();
  }

 private:
  Result<void> wire() {
    auto invoker = Invoker::make(executor_, config_,
                                 {*store_, *store_, *store_, bus_, *containers_, *manifest_,
                                  models_ ? &*models_ : nullptr, log_});
    if (!invoker) return fail(invoker.error());
    invoker_ = std::move(*invoker);
    users_ = config_.users.empty() ? controller::default_users() : config_.users;
    controller::ControllerSettings settings;
    settings.bind = config_.api.bind;
    settings.port = config_.api.port;
    settings.limits = config_.limits;
    settings.users = users_;
    settings.build = INSTAINFER_VERSION;
    settings.build_number = "instainfer";
    controller::Controller::Dependencies dependencies{*store_, *store_, bus_, *manifest_,
                                                      [this](const controller::Controller::ActionChange& change) {
                                                        invoker_->action_changed(change.name);
                                                      }};
    controller_ = std::make_unique<controller::Controller>(executor_, std::move(settings), std::move(dependencies));
    admin_ = std::make_unique<AdminServer>(executor_, config_.admin, *invoker_);
    return {};
  }

  asio::any_io_executor executor_;
  Config config_;
  std::shared_ptr<spdlog::logger> log_;
  std::optional<openwhisk::RuntimesManifest> manifest_;
  std::optional<tensors::ModelRepository> models_;
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<container::ContainerFactory> containers_;
  bus::LocalBus bus_;
  std::vector<openwhisk::Identity> users_;
  std::unique_ptr<Invoker> invoker_;
  std::unique_ptr<controller::Controller> controller_;
  std::unique_ptr<AdminServer> admin_;
};

Task<void> serve(Standalone& parts, std::shared_ptr<spdlog::logger> log, Result<void>& outcome) {
  auto executor = co_await asio::this_coro::executor;
  asio::signal_set signals(executor, SIGTERM, SIGINT);
  outcome = co_await parts.start();
  if (outcome) {
    boost::system::error_code ignored;
    const int signal = co_await signals.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    log->info("stopping on signal {}", signal);
  }
  co_await parts.stop();
}

}  // namespace

Result<void> run_standalone(Config config, const StandaloneOptions& options, std::shared_ptr<spdlog::logger> log) {
  if (auto completed = complete(config, options); !completed) return completed;
  const auto lock = lock_data_directory(config.data_directory);
  if (!lock) return fail(lock.error());
  std::signal(SIGPIPE, SIG_IGN);
  asio::io_context io(1);
  auto parts = Standalone::make(io.get_executor(), config, log);
  if (!parts) return fail(parts.error());
  Result<void> outcome;
  asio::co_spawn(io, serve(**parts, log, outcome), asio::detached);
  io.run();
  return outcome;
}

}  // namespace instainfer::invoker
