#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "instainfer/base/result.hpp"
#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// When an idle container is paused and removed, and who goes first when memory is short. Sees use and time, never what a
/// container holds preloaded (design.md 4, rule 4). Implementation: `fixed` (OpenWhisk; policies.md 4.1).
class KeepAlivePolicy {
 public:
  virtual ~KeepAlivePolicy() = default;

  struct Times {
    TimePoint pause_at;   ///< TimePoint::max(): never
    TimePoint remove_at;  ///< removed strictly after this: an arrival at exactly this time still finds it warm
  };
  /// The container became idle (its last activation is through) for function `own`.
  virtual Times on_idle(ContainerId c, FunctionId own, Bytes limit, TimePoint now) = 0;
  /// It took an activation.
  virtual void on_use(ContainerId c, FunctionId f, TimePoint now) = 0;
  virtual void on_removed(ContainerId c) = 0;
  /// The next idle container to evict when memory is short, among those that are idle; none if there is none.
  [[nodiscard]] virtual std::optional<ContainerId> victim() const = 0;
};

struct KeepAliveSettings {
  Duration pause_grace = std::chrono::seconds(10);     ///< 0 or less: never pause
  Duration idle_container = std::chrono::minutes(10);  ///< after pause_grace, as OpenWhisk counts it
};

Result<std::unique_ptr<KeepAlivePolicy>> make_keep_alive_policy(std::string_view name, const KeepAliveSettings& settings);

}  // namespace instainfer::core
