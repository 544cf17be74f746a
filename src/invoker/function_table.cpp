#include "function_table.hpp"

#include <algorithm>

namespace instainfer::invoker {
namespace {

using openwhisk::Json;

template <typename Id>
Id intern_name(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  const auto index = static_cast<std::uint32_t>(found - names.begin());
  if (found == names.end()) names.push_back(name);
  return Id{index};
}

}  // namespace

bool may_run_early(const openwhisk::Action& action, const openwhisk::Runtime& runtime, bool unasked) {
  const bool has_init_parameters =
      std::any_of(action.parameters.begin(), action.parameters.end(), [](const auto& p) { return p.init; });
  if (has_init_parameters) return false;
  if (runtime.worker == openwhisk::WorkerType::torchscript || unasked) return true;
  const Json* asked = openwhisk::find_value(action.annotations, "preload");
  return asked != nullptr && asked->is_boolean() && asked->get<bool>();
}

Result<FunctionTable::Interned> FunctionTable::intern(const std::string& invoking_ns, const openwhisk::Action& action) {
  const openwhisk::Runtime* runtime = manifest_.find(action.exec.kind);
  if (runtime == nullptr || !runtime->worker) {
    return fail(ErrorCode::not_supported, "kind '" + action.exec.kind + "' has no worker on this node; known kinds: " +
                                              manifest_.valid_kinds());
  }
  auto& entry = by_name_[{invoking_ns, action.name.qualified()}];
  // Hashing up to 48 MiB of code takes tens of milliseconds: not for every call of a revision that was seen.
  const bool seen = entry != nullptr && !action.revision.empty() && entry->action.revision == action.revision;
  if (seen) return Interned{entry, false, std::nullopt};
  std::string hash = openwhisk::execution_hash(action);
  if (entry != nullptr && entry->hash == hash) return Interned{entry, false, std::nullopt};

  Interned interned;
  interned.is_new = true;
  if (entry != nullptr) {
    interned.replaced = entry->id;
    by_id_.erase(entry->id);
  }
  auto function = std::make_shared<Function>();
  function->id = core::FunctionId{next_++};
  function->ns = invoking_ns;
  function->action = action;
  function->runtime = runtime;
  function->key = "f" + std::to_string(function->id.value) + "-" + hash.substr(0, 12);
  function->hash = std::move(hash);
  function->spec.ns = intern_namespace(invoking_ns);
  function->spec.kind = intern_kind(runtime->kind);
  function->spec.memory_limit = action.limits.memory;
  function->spec.concurrency = action.limits.concurrency;
  resolve_code(*function);
  function->spec.preloadable = !function->unusable && may_run_early(action, *runtime, preload_unasked_);
  entry = function;
  by_id_[function->id] = function;
  interned.function = std::move(function);
  return interned;
}

void FunctionTable::resolve_code(Function& function) const {
  function.code = function.action.exec.code.value_or("");
  if (function.runtime->worker != openwhisk::WorkerType::torchscript) return;
  if (function.action.exec.binary) {
    // The zip is base64 here: three bytes of it in four characters, nearly all of them the model.
    function.spec.model_file = Bytes{static_cast<std::int64_t>(function.code.size()) / 4 * 3};
    return;
  }
  resolve_repository_model(function);
}

void FunctionTable::resolve_repository_model(Function& function) const {
  Json own = Json::parse(function.code, nullptr, false);
  if (!own.is_object() || !own.contains("model") || !own["model"].is_string()) {
    function.unusable = Error{ErrorCode::invalid_argument,
                              "The code of a torchscript action must be a zip with model.pt inside, or a function.json "
                              "with the member \"model\" that names a model of this node's repository."};
    return;
  }
  const auto name = own["model"].get<std::string>();
  if (models_ == nullptr) {
    function.unusable = Error{ErrorCode::not_found, "The model '" + name +
                                                        "' cannot be found: this node has no model repository "
                                                        "(node.models in the configuration)."};
    return;
  }
  std::string version;
  if (const auto found = own.find("version"); found != own.end()) {
    version = found->is_string() ? found->get<std::string>() : found->dump();
  }
  auto model = models_->find(name, version, function.ns);
  if (!model) {
    function.unusable = model.error();
    return;
  }
  Json merged = model->function.is_object() ? model->function : Json::object();
  merged.update(own);
  function.code = merged.dump();
  function.model_relative = model->relative;
  function.spec.model_file = model->size;
}

std::vector<core::FunctionId> FunctionTable::forget(const openwhisk::EntityName& name) {
  std::vector<core::FunctionId> forgotten;
  const std::string qualified = name.qualified();
  for (auto entry = by_name_.begin(); entry != by_name_.end();) {
    if (entry->first.second != qualified || entry->second == nullptr) {
      ++entry;
      continue;
    }
    forgotten.push_back(entry->second->id);
    by_id_.erase(entry->second->id);
    entry = by_name_.erase(entry);
  }
  return forgotten;
}

std::shared_ptr<const Function> FunctionTable::find(core::FunctionId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const Function>> FunctionTable::all() const {
  std::vector<std::shared_ptr<const Function>> functions;
  functions.reserve(by_id_.size());
  for (const auto& [id, function] : by_id_) functions.push_back(function);
  std::sort(functions.begin(), functions.end(), [](const auto& a, const auto& b) { return a->id < b->id; });
  return functions;
}

core::NamespaceId FunctionTable::intern_namespace(const std::string& ns) {
  return intern_name<core::NamespaceId>(namespaces_, ns);
}

core::KindId FunctionTable::intern_kind(const std::string& kind) {
  return intern_name<core::KindId>(kinds_, kind);
}

}  // namespace instainfer::invoker
