#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "instainfer/core/types.hpp"
#include "instainfer/openwhisk/entities.hpp"
#include "instainfer/openwhisk/manifest.hpp"
#include "instainfer/runtime/protocol.hpp"
#include "instainfer/tensors/model_repository.hpp"

namespace instainfer::invoker {

/// One function as the core counts it: (invoking namespace, qualified name, hash of what is executed).
struct Function {
  core::FunctionId id;
  std::string ns;  ///< invoking namespace
  openwhisk::Action action;
  const openwhisk::Runtime* runtime = nullptr;
  std::string hash;
  std::string key;  ///< names it towards the in-container manager
  core::FunctionSpec spec;
  std::string code;                      ///< as sent to /init; a function.json is merged with the repository's
  std::filesystem::path model_relative;  ///< of the model repository; empty: the model is in the code
  std::optional<Error> unusable;         ///< why it can never start: its activations get this as a developer error
};

/// Interns functions, namespaces and kinds into the handles of the core.
class FunctionTable {
 public:
  FunctionTable(const openwhisk::RuntimesManifest& manifest, const tensors::ModelRepository* models, bool preload_unasked)
      : manifest_(manifest), models_(models), preload_unasked_(preload_unasked) {}

  struct Interned {
    std::shared_ptr<const Function> function;
    bool is_new = false;
    std::optional<core::FunctionId> replaced;  ///< the same name with other code; not known any more
  };
  /// Refuses a kind that the manifest does not know or that needs an image of its own.
  Result<Interned> intern(const std::string& invoking_ns, const openwhisk::Action& action);
  /// Forgets the function under every invoking namespace; answers the handles.
  std::vector<core::FunctionId> forget(const openwhisk::EntityName& name);

  /// Null once forgotten.
  [[nodiscard]] std::shared_ptr<const Function> find(core::FunctionId id) const;
  [[nodiscard]] std::vector<std::shared_ptr<const Function>> all() const;

  core::NamespaceId intern_namespace(const std::string& ns);
  core::KindId intern_kind(const std::string& kind);
  [[nodiscard]] const std::string& name(core::NamespaceId id) const { return namespaces_.at(id.value); }
  [[nodiscard]] const std::string& name(core::KindId id) const { return kinds_.at(id.value); }

 private:
  void resolve_code(Function& function) const;
  void resolve_repository_model(Function& function) const;

  const openwhisk::RuntimesManifest& manifest_;
  const tensors::ModelRepository* models_;
  bool preload_unasked_;
  std::uint32_t next_ = 0;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Function>> by_name_;  // (invoking ns, qualified)
  std::unordered_map<core::FunctionId, std::shared_ptr<const Function>> by_id_;
  std::vector<std::string> namespaces_;
  std::vector<std::string> kinds_;
};

/// True if the action's parameters or annotations allow its code to run before anybody invoked it (design.md, 5): TorchScript
/// always, other kinds where the annotation `preload` is true, never with parameters meant for initialisation.
bool may_run_early(const openwhisk::Action& action, const openwhisk::Runtime& runtime, bool unasked);

}  // namespace instainfer::invoker
