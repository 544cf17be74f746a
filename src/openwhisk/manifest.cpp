#include "instainfer/openwhisk/manifest.hpp"

#include <algorithm>

#include "instainfer/openwhisk/json.hpp"
#include "members.hpp"

namespace instainfer::openwhisk {
namespace {

Result<std::string> image_from_json(const Json& json, const std::string& where) {
  const auto members = Members::of(json, where + ": image");
  if (!members) return fail(members.error());
  const auto name = members->string("name");
  if (!name) return fail(name.error());
  std::string image = *name;
  const auto prefix = members->optional_string("prefix");
  if (!prefix) return fail(prefix.error());
  if (*prefix) image = **prefix + '/' + image;
  const auto registry = members->optional_string("registry");
  if (!registry) return fail(registry.error());
  if (*registry) image = **registry + (registry->value().ends_with('/') ? "" : "/") + image;
  const auto tag = members->optional_string("tag");
  if (!tag) return fail(tag.error());
  if (*tag) image += ':' + **tag;
  return image;
}

/// The bounds of on-demand prewarming (contract 3.3). We do not use them, but a manifest that OpenWhisk would refuse is
/// refused.
Result<void> check_reactive(const Json& json, const std::string& where) {
  const auto members = Members::of(json, where + ": reactive");
  if (!members) return fail(members.error());
  std::int64_t min = 0, max = 0, threshold = 0, increment = 0;
  const std::pair<const char*, std::int64_t*> numbers[] = {
      {"minCount", &min}, {"maxCount", &max}, {"threshold", &threshold}, {"increment", &increment}};
  for (const auto& [name, target] : numbers) {
    const auto value = members->integer(name);
    if (!value) return fail(value.error());
    *target = *value;
  }
  if (const auto ttl = members->string("ttl"); !ttl) return fail(ttl.error());
  if (min < 0 || min > max) return members->wrong("minCount", "must be from 0 to maxCount");
  if (max <= 0) return members->wrong("maxCount", "must be above 0");
  if (threshold <= 0) return members->wrong("threshold", "must be above 0");
  if (increment <= 0 || increment > max) return members->wrong("increment", "must be from 1 to maxCount");
  return {};
}

Result<StemCell> stem_cell_from_json(const Json& json, const std::string& where) {
  constexpr std::int64_t most = 10000;  // guards the conversion; the node's memory is the real bound
  const auto members = Members::of(json, where);
  if (!members) return fail(members.error());
  const char* count_name =
      members->find("initialCount") == nullptr && members->find("count") != nullptr ? "count" : "initialCount";
  const auto count = members->integer(count_name);
  if (!count) return fail(count.error());
  if (*count <= 0 || *count > most) return members->wrong(count_name, "must be from 1 to " + std::to_string(most));
  const auto memory_text = members->string("memory");
  if (!memory_text) return fail(memory_text.error());
  const auto memory = parse_bytes(*memory_text);
  if (!memory) return members->wrong("memory", "is wrong: " + memory.error().message);
  if (memory->count <= 0) return members->wrong("memory", "must be above 0");
  if (const Json* reactive = members->find("reactive")) {
    if (auto checked = check_reactive(*reactive, where); !checked) return fail(std::move(checked.error()));
  }
  return StemCell{static_cast<int>(*count), *memory};
}

Result<std::vector<StemCell>> stem_cells_from_json(const Members& runtime, const std::string& where) {
  std::vector<StemCell> cells;
  const Json* json = runtime.find("stemCells");
  if (json == nullptr) return cells;
  if (!json->is_array()) return runtime.wrong("stemCells", "must be an array");
  for (const Json& element : *json) {
    auto cell = stem_cell_from_json(element, where + ": stemCells element " + std::to_string(cells.size()));
    if (!cell) return fail(std::move(cell.error()));
    cells.push_back(*cell);
  }
  return cells;
}

Result<std::optional<WorkerType>> worker_from_json(const Members& runtime, const std::string& where) {
  const Json* json = runtime.find("instainfer");
  if (json == nullptr) return std::optional<WorkerType>();
  const auto members = Members::of(*json, where + ": instainfer");
  if (!members) return fail(members.error());
  for (const auto& item : json->items()) {
    if (item.key() != "worker") return members->wrong(item.key(), "is unknown; the only one is 'worker'");
  }
  const auto worker = members->string("worker");
  if (!worker) return fail(worker.error());
  if (*worker == "torchscript") return std::optional(WorkerType::torchscript);
  if (*worker == "python") return std::optional(WorkerType::python);
  return members->wrong("worker", "is '" + *worker + "'; it must be 'torchscript' or 'python'");
}

Result<Runtime> runtime_from_json(const std::string& family, const Json& json, std::size_t index) {
  const std::string family_where = "family '" + family + "'";
  const std::string element = family_where + ", element " + std::to_string(index);
  auto members = Members::of(json, element);
  if (!members) return fail(members.error());
  const auto kind = members->string("kind");
  if (!kind) return fail(kind.error());
  Runtime runtime;
  runtime.family = family;
  runtime.kind = trimmed_lower(*kind);
  if (runtime.kind.empty()) return members->wrong("kind", "must not be empty");

  const std::string where = family_where + ", kind '" + runtime.kind + "'";
  members = Members::of(json, where);
  const auto image_json = members->require("image");
  if (!image_json) return fail(image_json.error());
  auto image = image_from_json(**image_json, where);
  if (!image) return fail(std::move(image.error()));
  runtime.image = *std::move(image);
  const std::pair<const char*, bool*> flags[] = {{"default", &runtime.is_default},
                                                 {"deprecated", &runtime.deprecated},
                                                 {"requireMain", &runtime.require_main},
                                                 {"sentinelledLogs", &runtime.sentinelled_logs}};
  for (const auto& [name, target] : flags) {
    const auto value = members->boolean(name, *target);
    if (!value) return fail(value.error());
    *target = *value;
  }
  if (const Json* attached = members->find("attached")) {
    if (!attached->is_object()) return members->wrong("attached", "must be an object");
    runtime.attached = true;
  }
  auto cells = stem_cells_from_json(*members, where);
  if (!cells) return fail(std::move(cells.error()));
  runtime.stem_cells = *std::move(cells);
  const auto worker = worker_from_json(*members, where);
  if (!worker) return fail(worker.error());
  runtime.worker = *worker;
  return runtime;
}

Result<std::vector<Runtime>> family_from_json(const std::string& family, const Json& json) {
  if (!json.is_array() || json.empty()) {
    return fail(ErrorCode::invalid_argument, "family '" + family + "' must be an array of at least one runtime");
  }
  std::vector<Runtime> runtimes;
  for (const Json& element : json) {
    auto runtime = runtime_from_json(family, element, runtimes.size());
    if (!runtime) return fail(std::move(runtime.error()));
    runtimes.push_back(*std::move(runtime));
  }
  if (runtimes.size() == 1) runtimes.front().is_default = true;  // a family of one needs no mark
  const auto defaults = std::count_if(runtimes.begin(), runtimes.end(), [](const Runtime& r) { return r.is_default; });
  if (defaults != 1) {
    return fail(ErrorCode::invalid_argument, "family '" + family + "' has " + std::to_string(runtimes.size()) +
                                                 " kinds and " + std::to_string(defaults) +
                                                 " of them with \"default\": true; exactly one must have it");
  }
  return runtimes;
}

}  // namespace

Result<RuntimesManifest> RuntimesManifest::parse(std::string_view json) {
  const auto in_manifest = [](const Error& error) { return fail(error.in("runtimes manifest")); };
  const auto document = parse_json(json);
  if (!document) return in_manifest(document.error());
  const auto members = Members::of(*document, "the document");
  if (!members) return in_manifest(members.error());
  const auto families = members->require("runtimes");
  if (!families) return in_manifest(families.error());
  if (auto object = Members::of(**families, "member 'runtimes'"); !object) return in_manifest(object.error());

  RuntimesManifest manifest;
  for (const auto& [family, versions] : (*families)->items()) {
    auto runtimes = family_from_json(family, versions);
    if (!runtimes) return in_manifest(runtimes.error());
    for (Runtime& runtime : *runtimes) {
      if (const Runtime* first = manifest.find(runtime.kind)) {
        return in_manifest({ErrorCode::invalid_argument, "kind '" + runtime.kind + "' stands in family '" +
                                                             first->family + "' and again in family '" + family +
                                                             "'; keep one of them"});
      }
      manifest.runtimes_.push_back(std::move(runtime));
    }
  }
  return manifest;
}

const Runtime* RuntimesManifest::find(std::string_view kind) const {
  constexpr std::string_view default_suffix = ":default";
  const std::string wanted = trimmed_lower(kind);
  const bool wants_default = wanted.ends_with(default_suffix);
  const std::string_view family =
      std::string_view(wanted).substr(0, wanted.size() - (wants_default ? default_suffix.size() : 0));
  const auto found = std::find_if(runtimes_.begin(), runtimes_.end(), [&](const Runtime& runtime) {
    return runtime.kind == wanted || (wants_default && runtime.is_default && runtime.family == family);
  });
  return found == runtimes_.end() ? nullptr : &*found;
}

Json RuntimesManifest::to_info_json() const {
  Json families = Json::object();
  for (const Runtime& runtime : runtimes_) {
    families[runtime.family].push_back({{"kind", runtime.kind},
                                        {"image", runtime.image},
                                        {"deprecated", runtime.deprecated},
                                        {"default", runtime.is_default},
                                        {"attached", runtime.attached},
                                        {"requireMain", runtime.require_main}});
  }
  return families;
}

std::string RuntimesManifest::valid_kinds() const {
  std::string text;
  for (const Runtime& runtime : runtimes_) {
    if (!text.empty()) text += ", ";
    text += '\'' + runtime.kind + '\'';
  }
  return text;
}

}  // namespace instainfer::openwhisk
