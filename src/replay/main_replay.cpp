// instainfer-replay: plays a trace of invocations against an OpenWhisk API, and joins runs into one report.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "instainfer/base/files.hpp"
#include "replayer.hpp"
#include "run_folder.hpp"
#include "table.hpp"

namespace {

using namespace instainfer;          // NOLINT: a main file
using namespace instainfer::replay;  // NOLINT: a main file
namespace fs = std::filesystem;

/// The key of the guest namespace that every OpenWhisk comes with (ansible/files/auth.guest).
constexpr auto kGuestKey =
    "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP";

/// Exit status when the replay went through, but not every call succeeded with the right result.
constexpr int kSomeCallsFailed = 3;

struct RunArguments {
  std::string functions, counts, schedule, payloads, output = "out/replay";
  std::string api = "http://localhost:3233", key = kGuestKey, admin, via = "rest", wsk = "wsk";
  double speed = 1;
  std::uint64_t seed = 1;
  RunLabel label{.mode = "on", .planner = {}};
};

struct MergeArguments {
  std::string output;
  std::vector<std::string> runs;
};

Result<CsvTable> read_table(const std::string& file, const KeepLine& keep = {}) {
  const auto text = read_file(file);
  if (!text) return fail(text.error());
  return parse_csv(*text, file, keep);
}

Result<nlohmann::json> read_json(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) return fail(text.error());
  auto document = nlohmann::json::parse(*text, nullptr, false);
  if (!document.is_object()) return fail(ErrorCode::invalid_argument, file.string() + " is not a JSON object");
  return document;
}

Result<ReplayFunction> load_function(const TracedFunction& traced, const fs::path& folder) {
  ReplayFunction function{.action = traced.action, .model = traced.model, .parameters_file = {}, .reference = {}};
  if (!traced.request.empty()) {
    function.parameters_file = folder / traced.request;
    const auto request = read_json(function.parameters_file);
    if (!request) return fail(request.error());
    function.parameters = request->dump();
  }
  if (traced.reference.empty()) return function;
  const auto document = read_json(folder / traced.reference);
  if (!document) return fail(document.error());
  auto reference = parse_reference(*document);
  if (!reference) return fail(reference.error().in((folder / traced.reference).string()));
  function.reference = std::move(*reference);
  return function;
}

Result<Schedule> load_schedule(const RunArguments& arguments, const std::vector<TracedFunction>& traced) {
  if (!arguments.schedule.empty()) {
    const auto table = read_table(arguments.schedule);
    if (!table) return fail(table.error());
    return read_schedule(*table, traced);
  }
  const auto table = read_table(arguments.counts, lines_of(traced));
  if (!table) return fail(table.error());
  const auto counts = read_counts(*table, traced);
  if (!counts) return fail(counts.error());
  if (counts->rows_skipped > 0) std::cerr << "skipped " << counts->rows_skipped << " rows of functions not listed\n";
  return make_schedule(*counts, arguments.seed);
}

Result<ReplayOptions> options_from(const RunArguments& arguments) {
  auto api = parse_endpoint(arguments.api);
  if (!api) return fail(api.error().in("--api"));
  ReplayOptions options{.api = {.endpoint = std::move(*api), .key = arguments.key}, .admin = {}};
  if (!arguments.admin.empty()) {
    auto admin = parse_endpoint(arguments.admin);
    if (!admin) return fail(admin.error().in("--admin"));
    options.admin = std::move(*admin);
  }
  options.via = arguments.via == "wsk" ? ReplayOptions::Via::wsk : ReplayOptions::Via::rest;
  options.wsk_program = arguments.wsk;
  options.speed = arguments.speed;
  return options;
}

void print_progress(const Progress& progress) {
  std::printf("%5.0f s  sent %zu of %zu, answered %zu, failed %zu, %.0f s to go\n", progress.elapsed_s, progress.sent,
              progress.calls, progress.answered, progress.failed, progress.remaining_s);
  std::fflush(stdout);
}

void print_failures(const std::vector<Invocation>& invocations) {
  for (const auto& invocation : invocations) {
    if (invocation.succeeded() && invocation.equals_reference != false) continue;
    std::fprintf(stderr, "%s at %.1f s: %s %s%s\n", invocation.function.c_str(), invocation.sent_ms / 1e3,
                 invocation.status.c_str(), invocation.error.c_str(),
                 invocation.equals_reference == false ? " (the result differs from the reference)" : "");
  }
}

Result<nlohmann::json> run(const RunArguments& arguments) {
  const auto table = read_table(arguments.functions);
  if (!table) return fail(table.error());
  const auto traced = read_functions(*table);
  if (!traced) return fail(traced.error());
  const auto folder =
      arguments.payloads.empty() ? fs::path(arguments.functions).parent_path() : fs::path(arguments.payloads);
  std::vector<ReplayFunction> functions;
  for (const auto& entry : *traced) {
    auto function = load_function(entry, folder);
    if (!function) return fail(function.error());
    functions.push_back(std::move(*function));
  }
  const auto schedule = load_schedule(arguments, *traced);
  if (!schedule) return fail(schedule.error());
  const auto options = options_from(arguments);
  if (!options) return fail(options.error());

  auto result = instainfer::replay::replay(*schedule, functions, *options, print_progress);
  if (!result) return fail(result.error());
  print_failures(result->invocations);
  std::vector<Run> runs(1);
  runs[0] = {.label = arguments.label,
             .invocations = std::move(result->invocations),
             .timeline = std::move(result->timeline),
             .usage = result->usage,
             .duration_s = result->duration_s};
  if (auto written = write_run(arguments.output, runs[0]); !written) return fail(written.error());
  return write_overview(arguments.output, runs);
}

Result<nlohmann::json> merge(const MergeArguments& arguments) {
  std::vector<Run> runs;
  for (const auto& folder : arguments.runs) {
    auto run = read_run(folder);
    if (!run) return fail(run.error());
    runs.push_back(std::move(*run));
  }
  return write_overview(arguments.output, runs);
}

void declare_run(CLI::App& command, RunArguments& arguments) {
  command.add_option("--functions", arguments.functions, "CSV: function,model,hash_function,request,reference")
      ->required();
  auto* counts = command.add_option("--counts", arguments.counts, "CSV of calls per minute, Azure's wide form or long");
  auto* schedule = command.add_option("--schedule", arguments.schedule, "CSV: time (or offset_s),function");
  counts->excludes(schedule);
  command.add_option("--payloads", arguments.payloads, "folder of the request and reference files");
  command.add_option("--api", arguments.api, "the OpenWhisk API")->capture_default_str();
  command.add_option("--auth", arguments.key, "its key, user:password (default: guest)");
  command.add_option("--admin", arguments.admin, "the node's admin port, for the timeline and what the run used");
  command.add_option("--via", arguments.via, "how to call")
      ->check(CLI::IsMember({"rest", "wsk"}))
      ->capture_default_str();
  command.add_option("--wsk", arguments.wsk, "the wsk program")->capture_default_str();
  command.add_option("--speed", arguments.speed, "4: a minute takes 15 s")
      ->check(CLI::Range(0.01, 1000.0))
      ->capture_default_str();
  command.add_option("--seed", arguments.seed, "of the offsets inside each minute")->capture_default_str();
  command.add_option("--output", arguments.output, "folder for the results")->capture_default_str();
  command.add_option("--mode", arguments.label.mode, "label: preloading off or on")
      ->check(CLI::IsMember({"off", "on"}));
  command.add_option("--planner", arguments.label.planner, "label: the planner of mode on");
  command.callback([&arguments] {
    if (arguments.counts.empty() == arguments.schedule.empty()) throw CLI::RequiredError("--counts or --schedule");
    arguments.label.seed = static_cast<long>(arguments.seed);
    arguments.label.speed = arguments.speed;
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Replays invocation traces against an OpenWhisk API and reports on them.", "instainfer-replay"};
  app.require_subcommand(1);
  RunArguments run_arguments;
  MergeArguments merge_arguments;
  auto* run_command = app.add_subcommand("run", "replay a trace");
  declare_run(*run_command, run_arguments);
  auto* merge_command = app.add_subcommand("merge", "join the folders of runs into one summary.json and report.html");
  merge_command->add_option("--output", merge_arguments.output, "folder for the results")->required();
  merge_command->add_option("runs", merge_arguments.runs, "folders of runs")->required();
  CLI11_PARSE(app, argc, argv);

  const auto summary = run_command->parsed() ? run(run_arguments) : merge(merge_arguments);
  if (!summary) {
    std::cerr << "instainfer-replay: " << summary.error().message << '\n';
    return 1;
  }
  if (merge_command->parsed()) std::cout << comparison_table(*summary);
  if (all_right(*summary)) return 0;
  std::cerr << "instainfer-replay: not every call succeeded with the right result\n";
  return kSomeCallsFailed;
}
