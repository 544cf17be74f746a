#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "instainfer/openwhisk/entities.hpp"

namespace instainfer::openwhisk {

/// How our in-container manager runs a kind; absent for stock images, which are served as OpenWhisk serves them.
enum class WorkerType { torchscript, python };

struct StemCell {
  int initial_count = 0;
  Bytes memory;
};

/// One runtime of the manifest (contract 3.3) with our optional member `instainfer: {"worker": "torchscript"|"python"}`.
struct Runtime {
  std::string family;  ///< "python"
  std::string kind;    ///< "python:3"
  std::string image;   ///< docker reference; informative in standalone mode
  bool is_default = false;
  bool deprecated = false;
  bool attached = false;
  bool require_main = false;
  bool sentinelled_logs = true;
  std::vector<StemCell> stem_cells;
  std::optional<WorkerType> worker;
};

/// runtimes.json in OpenWhisk's format.
class RuntimesManifest {
 public:
  /// Refuses: malformed JSON, a kind twice, several versions of a family without exactly one default, bad sizes; the message
  /// names the family and kind.
  static Result<RuntimesManifest> parse(std::string_view json);

  /// A kind, or `family:default`; trimmed and lower-cased first.
  [[nodiscard]] const Runtime* find(std::string_view kind) const;
  [[nodiscard]] const std::vector<Runtime>& runtimes() const { return runtimes_; }
  /// `runtimes` member of `GET /` (rest contract 3.1).
  [[nodiscard]] Json to_info_json() const;
  /// "'python:3', 'torchscript:1'" for the error about an unknown kind.
  [[nodiscard]] std::string valid_kinds() const;

 private:
  std::vector<Runtime> runtimes_;
};

}  // namespace instainfer::openwhisk
