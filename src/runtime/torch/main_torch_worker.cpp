// instainfer-torch-worker: has libtorch up, forks a worker whenever the manager asks for one.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "process/confinement.hpp"
#include "process/zygote_protocol.hpp"
#include "torch/function.hpp"
#include "torch/model.hpp"

namespace instainfer::runtime {
namespace {

using Json = nlohmann::json;

// Where arrange_descriptors() puts what a worker keeps.
constexpr int kAnswers = 3;
constexpr int kRequests = 4;
constexpr int kModel = 5;
constexpr std::size_t kLeastDescriptors = 3;

struct Streams {
  FILE* requests;
  FILE* answers;
};

bool read_line(FILE* stream, std::string& line) {
  char* text = nullptr;
  std::size_t capacity = 0;
  const ssize_t size = getline(&text, &capacity, stream);
  if (size > 0) line.assign(text, static_cast<std::size_t>(size));
  std::free(text);
  return size > 0;
}

void answer(const Streams& streams, int status, const Json& body) {
  fflush(stdout);
  fflush(stderr);
  const std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  fprintf(streams.answers, "%d ", status);
  fwrite(text.data(), 1, text.size(), streams.answers);
  fputc('\n', streams.answers);
  fflush(streams.answers);
}

void serve(const Streams& streams, int model_file, int threads) {
  std::string line;
  if (!read_line(streams.requests, line)) return;
  auto function = TorchFunction::load(Json::parse(line, nullptr, false), model_file, threads);
  std::string().swap(line);  // the action's code: megabytes
  if (!function) {
    answer(streams, 502, {{"error", function.error().message}});
    return;
  }
  if (model_file >= 0) close(model_file);
  answer(streams, 200, {{"ok", true}});
  while (read_line(streams.requests, line)) {
    const Json request = Json::parse(line, nullptr, false);
    const FunctionAnswer result = function->run(request.is_object() ? request.value("value", Json()) : Json());
    answer(streams, result.status, result.body);
  }
}

void set_environment(const std::string& directory, int threads) {
  clearenv();
  for (const std::string& entry : worker_environment(directory, threads)) {
    const auto equals = entry.find('=');
    setenv(entry.substr(0, equals).c_str(), entry.substr(equals + 1).c_str(), 1);
  }
  setenv("GLOG_minloglevel", "2", 1);
}

[[noreturn]] void become_worker(const Json& message, std::vector<UniqueFd> descriptors, pid_t zygote) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool has_model = descriptors.size() > kLeastDescriptors;
  WorkerDescriptors wanted{.standard_output = descriptors[1].get(),
                           .standard_error = descriptors[2].get(),
                           .kept = {descriptors[0].get(), descriptors[0].get()}};
  if (has_model) wanted.kept.push_back(descriptors[3].get());
  const std::string directory = message.value("directory", "");
  const int threads = message.value("threads", 1);
  auto done = arrange_descriptors(wanted);
  for (UniqueFd& descriptor : descriptors) static_cast<void>(descriptor.release());  // closed with all the others
  if (done) done = confine({message.value("uid", std::uint32_t{0}), directory}, zygote);
  if (!done) {
    dprintf(STDERR_FILENO, "The worker cannot be confined: %s\n", done.error().message.c_str());
    _exit(EXIT_FAILURE);
  }
  set_environment(directory, threads);
  serve({fdopen(kRequests, "r"), fdopen(kAnswers, "w")}, has_model ? kModel : -1, threads);
  fflush(nullptr);
  _exit(EXIT_SUCCESS);  // not exit(): unloading the libraries takes a tenth of a second
}

void spawn(Packet packet) {
  const Json request = packet.message.value("spawn", Json());
  const auto refuse = [&](const std::string& why) {
    static_cast<void>(send_packet(kZygoteDescriptor, {{"failed", request}, {"error", why}}).has_value());
  };
  if (packet.descriptors.size() < kLeastDescriptors) return refuse("a spawn packet lacks its descriptors");
  const pid_t zygote = getpid();
  const pid_t pid = fork();
  if (pid < 0) return refuse(errno_error("fork").message);
  if (pid == 0) become_worker(packet.message, std::move(packet.descriptors), zygote);
  static_cast<void>(send_packet(kZygoteDescriptor, {{"spawned", request}, {"pid", pid}}).has_value());
}

void report_exits() {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    static_cast<void>(send_packet(kZygoteDescriptor, {{"exited", pid}, {"status", status}}).has_value());
  }
}

/// Until the manager is gone.
int run() {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  const UniqueFd exits(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  warm_up_framework();
  if (!send_packet(kZygoteDescriptor, {{"ready", true}})) return EXIT_FAILURE;
  for (;;) {
    std::array<pollfd, 2> sources = {{{kZygoteDescriptor, POLLIN, 0}, {exits.get(), POLLIN, 0}}};
    if (poll(sources.data(), sources.size(), -1) < 0) continue;
    signalfd_siginfo info{};
    if ((sources[1].revents & POLLIN) != 0) {
      while (read(exits.get(), &info, sizeof info) > 0) continue;
      report_exits();
    }
    if (sources[0].revents == 0) continue;
    auto packet = receive_packet(kZygoteDescriptor);
    if (!packet) return EXIT_SUCCESS;
    if (*packet) spawn(*std::move(*packet));
  }
}

}  // namespace
}  // namespace instainfer::runtime

int main() {
  // An ordinary user's manager can only measure what is dumpable, and has no other user to hide from.
  if (geteuid() == 0) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const int code = instainfer::runtime::run();
  _exit(code);
}
