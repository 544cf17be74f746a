#include "instainfer/core/keep_alive.hpp"

#include <map>
#include <set>
#include <utility>

namespace instainfer::core {
namespace {

/// OpenWhisk's rule: every idle container lives pause_grace + idle_container; the least recently used goes first.
class FixedKeepAlive final : public KeepAlivePolicy {
 public:
  explicit FixedKeepAlive(const KeepAliveSettings& settings) : settings_(settings) {}

  Times on_idle(ContainerId c, FunctionId, Bytes, TimePoint now) override {
    idle_.insert({last_use(c, now), c});
    const bool pauses = settings_.pause_grace > Duration{};
    const Duration grace = pauses ? settings_.pause_grace : Duration{};
    return {pauses ? now + grace : TimePoint::max(), now + grace + settings_.idle_container};
  }

  void on_use(ContainerId c, FunctionId, TimePoint now) override {
    forget_idle(c);
    last_use_[c] = {now, ++uses_};
  }

  void on_removed(ContainerId c) override {
    forget_idle(c);
    last_use_.erase(c);
  }

  [[nodiscard]] std::optional<ContainerId> victim() const override {
    if (idle_.empty()) return std::nullopt;
    return idle_.begin()->second;
  }

 private:
  /// Time of the last scheduling (not of completion; contract 5.1), and a count that orders equal times.
  using Use = std::pair<TimePoint, std::uint64_t>;

  Use last_use(ContainerId c, TimePoint now) { return last_use_.try_emplace(c, now, ++uses_).first->second; }
  void forget_idle(ContainerId c) {
    const auto it = last_use_.find(c);
    if (it != last_use_.end()) idle_.erase({it->second, c});
  }

  KeepAliveSettings settings_;
  std::map<ContainerId, Use> last_use_;
  std::set<std::pair<Use, ContainerId>> idle_;
  std::uint64_t uses_ = 0;
};

}  // namespace

Result<std::unique_ptr<KeepAlivePolicy>> make_keep_alive_policy(std::string_view name,
                                                                const KeepAliveSettings& settings) {
  if (settings.idle_container < Duration{}) {
    return fail(ErrorCode::invalid_argument, "keep-alive: idle_container is negative; use 0 or more");
  }
  if (name == "fixed") return std::make_unique<FixedKeepAlive>(settings);
  return fail(ErrorCode::invalid_argument, "keep-alive: unknown policy '" + std::string(name) + "'; known: fixed");
}

}  // namespace instainfer::core
