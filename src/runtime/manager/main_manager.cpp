// instainfer-runtime: starts, runs, preloads and removes the functions of one container.
#include <fcntl.h>
#include <signal.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <filesystem>

#include "instainfer/base/files.hpp"
#include "manager/manager.hpp"
#include "manager/python_spawner.hpp"
#include "manager/server.hpp"
#include "manager/zygote_spawner.hpp"
#include "process/confinement.hpp"
#include "process/wipe.hpp"

namespace instainfer::runtime {
namespace {

namespace fs = std::filesystem;
using boost::asio::local::stream_protocol;

struct Options {
  fs::path directory;
  std::string worker = "python";
  fs::path models;
};

/// Read once and unlinked: no process that comes later finds it.
Result<std::string> take_token(const fs::path& path) {
  auto token = read_file(path, Bytes{4096});
  if (!token) return token;
  if (unlink(path.c_str()) != 0) return fail(errno_error("remove " + path.string()));
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  if (token->empty())
    return fail(ErrorCode::invalid_argument, path.string() + " is empty; it must hold the container's token");
  return token;
}

bool others_can_search(fs::path path) {
  for (; path != path.root_path(); path = path.parent_path()) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0 || (status.st_mode & S_IXOTH) == 0) return false;
  }
  return true;
}

/// Where the workers' directories are: DIR/work, or a fresh folder below /tmp if the workers' users could not get to
/// that.
Result<fs::path> make_work_folder(const fs::path& directory, bool isolated) {
  const mode_t mode = isolated ? 0711 : 0700;
  if (chmod(directory.c_str(), mode) != 0) return fail(errno_error("chmod " + directory.string()));
  fs::path work = directory / "work";
  if (isolated && !others_can_search(directory)) {
    std::string pattern = (fs::temp_directory_path() / "instainfer-work-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) return fail(errno_error("make " + pattern));
    work = pattern;
  } else if (mkdir(work.c_str(), mode) != 0 && errno != EEXIST) {
    return fail(errno_error("make " + work.string()));
  }
  if (chmod(work.c_str(), mode) != 0) return fail(errno_error("chmod " + work.string()));
  return work;
}

Result<stream_protocol::acceptor> listen(boost::asio::io_context& context, const fs::path& path) {
  unlink(path.c_str());
  boost::system::error_code error;
  stream_protocol::acceptor acceptor(context);
  const mode_t before = umask(0177);
  acceptor.open(stream_protocol(), error);
  if (!error) acceptor.bind(stream_protocol::endpoint(path.string()), error);
  umask(before);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return fail(ErrorCode::internal, "listen on " + path.string() + ": " + error.message());
  return acceptor;
}

fs::path program_folder() {
  return fs::read_symlink("/proc/self/exe").parent_path();
}

Result<void> serve(const Options& options) {
  const bool isolated = can_switch_users();
  auto token = take_token(options.directory / kTokenName);
  if (!token) return fail(token.error());
  auto work = make_work_folder(options.directory, isolated);
  if (!work) return fail(work.error());
  boost::asio::io_context context(1);
  auto acceptor = listen(context, options.directory / kSocketName);
  if (!acceptor) return fail(acceptor.error());

  Background background(context.get_executor());
  Children children(context.get_executor());
  Sink standard_output(context.get_executor(), STDOUT_FILENO);
  Sink standard_error(context.get_executor(), STDERR_FILENO);
  PythonSpawner python(children, program_folder() / "python_launcher.py");
  ZygoteSpawner torchscript(background, children, program_folder() / "instainfer-torch-worker",
                            options.directory / "zygote.log");
  if (options.worker == to_string(WorkerType::torchscript)) {
    if (auto started = torchscript.start(); !started) return started;
  }
  const fs::path models = options.models.empty() ? fs::path() : fs::weakly_canonical(options.models);
  Manager manager({*work, models, isolated}, background, children, python, torchscript, standard_output,
                  standard_error);
  Server server(manager, background, *std::move(acceptor), *std::move(token));
  background.spawn(children.run());
  background.spawn(manager.watch_memory());
  background.spawn(server.run());
  boost::asio::signal_set stop(context, SIGTERM, SIGINT);
  stop.async_wait([&context](const boost::system::error_code&, int) { context.stop(); });
  spdlog::info("listening in {}, workers in {}, {}", options.directory.string(), work->string(),
               isolated ? "each under a user of its own" : "all under this user: functions are not isolated");
  context.run();
  spdlog::info("stopped");
  remove_tree(work->string());
  return {};
}

}  // namespace
}  // namespace instainfer::runtime

int main(int argc, char** argv) {
  using namespace instainfer::runtime;
  Options options;
  CLI::App app("Manages the functions of one InstaInfer container.");
  app.add_option("--directory", options.directory, "folder with the token; the socket and the log go there")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--worker", options.worker, "whose libraries to load at once: torchscript or python")
      ->check(CLI::IsMember({"torchscript", "python"}));
  app.add_option("--models", options.models, "the model repository")->check(CLI::ExistingDirectory);
  CLI11_PARSE(app, argc, argv);

  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  signal(SIGPIPE, SIG_IGN);
  options.directory = std::filesystem::canonical(options.directory);
  // Standard output and error belong to the functions; anything of ours goes to the log.
  auto logger = spdlog::basic_logger_mt("manager", (options.directory / "manager.log").string());
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
  try {
    if (const auto served = serve(options); !served) {
      spdlog::error("{}", served.error().message);
      return EXIT_FAILURE;
    }
  } catch (const std::exception& defect) {
    spdlog::critical("stopped by a defect: {}", defect.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
