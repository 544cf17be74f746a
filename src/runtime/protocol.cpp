#include "instainfer/runtime/protocol.hpp"

#include <array>
#include <limits>
#include <utility>

namespace instainfer::runtime {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kFunctionKeyLimit = 128;
constexpr int kThreadLimit = 1024;

constexpr std::array<std::pair<WorkerType, std::string_view>, 2> kWorkerTypes{
    {{WorkerType::torchscript, "torchscript"}, {WorkerType::python, "python"}}};
constexpr std::array<std::pair<WorkerState, std::string_view>, 3> kWorkerStates{
    {{WorkerState::loading, "loading"}, {WorkerState::ready, "ready"}, {WorkerState::running, "running"}}};

Error malformed(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message)};
}

/// Reads the members of one JSON object and remembers the first thing that was wrong with it.
class Reader {
 public:
  Reader(const Json& json, std::string_view what) : json_(json), what_(what) {
    if (!json.is_object()) note("must be a JSON object, not " + std::string(json.type_name()));
  }

  const Json* member(const char* name) {
    if (error_) return nullptr;
    const auto found = json_.find(name);
    if (found != json_.end()) return &*found;
    note("has no member `" + std::string(name) + "`");
    return nullptr;
  }

  std::string text(const char* name) {
    const Json* value = member(name);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get<std::string>();
    note("member `" + std::string(name) + "` must be a string, not " + value->type_name());
    return {};
  }

  std::int64_t whole(const char* name, std::int64_t low, std::int64_t high) {
    const Json* value = member(name);
    if (value == nullptr) return low;
    const bool fits =
        value->is_number_integer() &&
        !(value->is_number_unsigned() &&
          value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    if (fits && value->get<std::int64_t>() >= low && value->get<std::int64_t>() <= high)
      return value->get<std::int64_t>();
    note("member `" + std::string(name) + "` must be a whole number from " + std::to_string(low) + " to " +
         std::to_string(high) + ", not " + value->dump());
    return low;
  }

  bool truth(const char* name) {
    const Json* value = member(name);
    if (value == nullptr) return false;
    if (value->is_boolean()) return value->get<bool>();
    note("member `" + std::string(name) + "` must be true or false, not " + value->type_name());
    return false;
  }

  const Json& list(const char* name) {
    static const Json empty = Json::array();
    const Json* value = member(name);
    if (value == nullptr) return empty;
    if (value->is_array()) return *value;
    note("member `" + std::string(name) + "` must be an array, not " + value->type_name());
    return empty;
  }

  /// A function key: [A-Za-z0-9._-]{1,128}.
  std::string function_key() {
    std::string key = text("function");
    if (!error_ && !is_function_key(key)) {
      note("member `function` must be 1 to 128 of [A-Za-z0-9._-], not \"" + key.substr(0, kFunctionKeyLimit) + "\"");
    }
    return key;
  }

  void note(std::string complaint) {
    if (!error_) error_ = malformed(std::string(what_) + " " + std::move(complaint));
  }
  void note(Error error) {
    if (!error_) error_ = std::move(error);
  }

  template <typename T>
  Result<T> finish(T value) {
    if (error_) return fail(*error_);
    return value;
  }

 private:
  static bool is_function_key(std::string_view key) {
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !key.empty() && key.size() <= kFunctionKeyLimit && key.find_first_not_of(allowed) == std::string_view::npos;
  }

  const Json& json_;
  std::string_view what_;
  std::optional<Error> error_;
};

Result<WorkerState> parse_worker_state(std::string_view text) {
  for (const auto& [state, name] : kWorkerStates) {
    if (name == text) return state;
  }
  return fail(malformed("worker state must be loading, ready or running, not \"" + std::string(text) + "\""));
}

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

Result<WorkerStatus> worker_status_from_json(const Json& json) {
  Reader in(json, "worker status");
  WorkerStatus status;
  status.function = in.function_key();
  if (const auto state = parse_worker_state(in.text("state"))) {
    status.state = *state;
  } else {
    in.note(state.error());
  }
  status.memory = Bytes{in.whole("memory", 0, kLargest)};
  return in.finish(std::move(status));
}

Result<WorkerDeath> worker_death_from_json(const Json& json) {
  Reader in(json, "worker death");
  WorkerDeath death;
  death.function = in.function_key();
  death.why = in.text("why");
  return in.finish(std::move(death));
}

}  // namespace

std::string_view to_string(WorkerType type) {
  for (const auto& [candidate, name] : kWorkerTypes) {
    if (candidate == type) return name;
  }
  return "unknown";
}

Result<WorkerType> parse_worker_type(std::string_view text) {
  for (const auto& [type, name] : kWorkerTypes) {
    if (name == text) return type;
  }
  return fail(malformed("worker type must be torchscript or python, not \"" + std::string(text) + "\""));
}

std::string_view to_string(WorkerState state) {
  for (const auto& [candidate, name] : kWorkerStates) {
    if (candidate == state) return name;
  }
  return "unknown";
}

Json to_json(const WorkerSpec& spec) {
  return {{"function", spec.function},
          {"type", to_string(spec.type)},
          {"uid", spec.uid},
          {"memory_limit", spec.memory_limit.count},
          {"model_path", spec.model_path},
          {"threads", spec.threads}};
}

Result<WorkerSpec> worker_spec_from_json(const Json& json) {
  Reader in(json, "worker");
  WorkerSpec spec;
  spec.function = in.function_key();
  const std::string type = in.text("type");
  if (const auto parsed = parse_worker_type(type)) {
    spec.type = *parsed;
  } else {
    in.note(parsed.error());
  }
  spec.uid = static_cast<std::uint32_t>(in.whole("uid", 0, std::numeric_limits<std::uint32_t>::max() - 1));
  spec.memory_limit = Bytes{in.whole("memory_limit", 1, kLargest)};
  spec.model_path = in.text("model_path");
  spec.threads = static_cast<int>(in.whole("threads", 1, kThreadLimit));
  return in.finish(std::move(spec));
}

Json to_json(const PreloadRequest& request) {
  return {{"worker", to_json(request.worker)}, {"init", request.init}};
}

Result<PreloadRequest> preload_request_from_json(const Json& json) {
  Reader in(json, "preload request");
  PreloadRequest request;
  if (const Json* worker = in.member("worker")) {
    if (auto spec = worker_spec_from_json(*worker)) {
      request.worker = *std::move(spec);
    } else {
      in.note(spec.error());
    }
  }
  if (const Json* init = in.member("init")) {
    if (!init->is_object()) in.note("member `init` must be OpenWhisk's /init value, an object");
    request.init = *init;
  }
  return in.finish(std::move(request));
}

Json to_json(const PreloadReport& report) {
  return {{"took_ns", report.took.count()}, {"memory", report.memory.count}, {"output", report.output}};
}

Result<PreloadReport> preload_report_from_json(const Json& json) {
  Reader in(json, "preload report");
  PreloadReport report;
  report.took = Duration{in.whole("took_ns", 0, kLargest)};
  report.memory = Bytes{in.whole("memory", 0, kLargest)};
  report.output = in.text("output");
  return in.finish(std::move(report));
}

Json to_json(const StatusReport& report) {
  Json workers = Json::array();
  for (const WorkerStatus& worker : report.workers) {
    workers.push_back(
        {{"function", worker.function}, {"state", to_string(worker.state)}, {"memory", worker.memory.count}});
  }
  Json deaths = Json::array();
  for (const WorkerDeath& death : report.deaths) deaths.push_back({{"function", death.function}, {"why", death.why}});
  return {{"owner", report.owner},       {"workers", std::move(workers)},
          {"deaths", std::move(deaths)}, {"memory", report.memory.count},
          {"isolated", report.isolated}, {"libraries_ready", report.libraries_ready}};
}

Result<StatusReport> status_report_from_json(const Json& json) {
  Reader in(json, "status report");
  StatusReport report;
  report.owner = in.text("owner");
  for (const Json& item : in.list("workers")) {
    auto worker = worker_status_from_json(item);
    if (!worker) return fail(worker.error());
    report.workers.push_back(*std::move(worker));
  }
  for (const Json& item : in.list("deaths")) {
    auto death = worker_death_from_json(item);
    if (!death) return fail(death.error());
    report.deaths.push_back(*std::move(death));
  }
  report.memory = Bytes{in.whole("memory", 0, kLargest)};
  report.isolated = in.truth("isolated");
  report.libraries_ready = in.truth("libraries_ready");
  return in.finish(std::move(report));
}

}  // namespace instainfer::runtime
