#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/result.hpp"

namespace instainfer::tensors {

/// A model found in the repository.
struct RepositoryModel {
  std::filesystem::path relative;  ///< `<name>/<version>/model.pt`
  Bytes size;
  nlohmann::json function;         ///< its function.json, or null
};

/// The node's folder of models, `<root>/<name>/<version>/model.pt` beside an optional `function.json` (design.md, 6).
///
/// Names match [a-z0-9_-]{1,64} and versions are whole numbers from 1; both are resolved beneath the root (a link that leads
/// out is refused). Who may use a model stands in `<root>/<name>/model.json`: {"namespaces": ["guest"]} or {"public": true};
/// without it nobody may.
class ModelRepository {
 public:
  static Result<ModelRepository> open(const std::filesystem::path& root);
  /// The newest version if `version` is empty. Errors: not_found (names what is there), forbidden, invalid_argument.
  [[nodiscard]] Result<RepositoryModel> find(std::string_view name, std::string_view version, std::string_view ns) const;
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  explicit ModelRepository(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

}  // namespace instainfer::tensors
