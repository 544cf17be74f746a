#include "run_folder.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "instainfer/base/files.hpp"
#include "report.hpp"

namespace instainfer::replay {
namespace {

using nlohmann::json;
using std::filesystem::path;

constexpr int kIndent = 2;

Result<void> make_folder(const path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(ErrorCode::unavailable, "create folder " + folder.string() + ": " + error.message());
  return {};
}

Result<std::vector<Invocation>> read_log(const path& file) {
  const auto text = read_file(file);
  if (!text) return fail(text.error());
  std::vector<Invocation> invocations;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    auto invocation = invocation_from_json(json::parse(line, nullptr, false));
    if (!invocation) {
      return fail(invocation.error().in(file.string() + " line " + std::to_string(invocations.size() + 1)));
    }
    invocations.push_back(std::move(*invocation));
  }
  return invocations;
}

}  // namespace

Result<void> write_run(const path& folder, const Run& run) {
  if (auto made = make_folder(folder); !made) return made;
  std::string log;
  for (const auto& invocation : run.invocations) log += to_json(invocation).dump() + '\n';
  if (auto written = write_file_atomically(folder / "output.log", log); !written) return written;
  if (auto written = write_file_atomically(folder / "timeline.csv", timeline_csv(run.timeline)); !written)
    return written;
  return write_file_atomically(folder / "run.json", run_to_json(run).dump(kIndent) + '\n');
}

Result<Run> read_run(const path& folder) {
  const auto label = read_file(folder / "run.json");
  if (!label) return fail(label.error());
  auto run = run_from_json(json::parse(*label, nullptr, false));
  if (!run) return fail(run.error().in((folder / "run.json").string()));
  auto invocations = read_log(folder / "output.log");
  if (!invocations) return fail(invocations.error());
  run->invocations = std::move(*invocations);
  const auto csv = read_file(folder / "timeline.csv");
  if (!csv) return fail(csv.error());
  auto timeline = parse_timeline(*csv, (folder / "timeline.csv").string());
  if (!timeline) return fail(timeline.error());
  run->timeline = std::move(*timeline);
  return run;
}

Result<json> write_overview(const path& folder, const std::vector<Run>& runs) {
  auto summary = summarise_all(runs);
  if (!summary) return summary;
  if (auto made = make_folder(folder); !made) return fail(made.error());
  const auto text = summary->dump(kIndent) + '\n';
  if (auto written = write_file_atomically(folder / "summary.json", text); !written) return fail(written.error());
  const auto page = report_page(runs, *summary);
  if (auto written = write_file_atomically(folder / "report.html", page); !written) return fail(written.error());
  return summary;
}

}  // namespace instainfer::replay
