#include "profile_book.hpp"

#include <algorithm>
#include <utility>

namespace instainfer::invoker {

std::optional<core::ProfileSnapshot> ProfileBook::find(const Function& function, EpochMillis now) const {
  const auto found = stored_.find({function.ns, function.action.name.qualified()});
  if (found == stored_.end() || found->second.execution_hash != function.hash) return std::nullopt;
  core::ProfileSnapshot profile = found->second.profile;
  // A wall clock that was set back must not make arrivals lie in the future.
  const Duration away = std::max<Duration>(Duration{}, now - found->second.saved_at);
  profile.observed_for += away;
  for (Duration& age : profile.arrival_ages) age += away;
  return profile;
}

std::map<store::ProfileKey, store::StoredProfile> ProfileBook::take_changed(const core::Node& node,
                                                                            const FunctionTable& functions,
                                                                            TimePoint now, EpochMillis epoch) {
  std::map<store::ProfileKey, store::StoredProfile> changed;
  for (const core::FunctionId id : std::exchange(touched_, {})) {
    const auto function = functions.find(id);
    const auto profile = function == nullptr ? std::nullopt : node.profile(id, now);
    if (!profile) continue;
    store::StoredProfile stored{function->hash, epoch, *profile};
    const store::ProfileKey key{function->ns, function->action.name.qualified()};
    stored_[key] = stored;
    changed[key] = std::move(stored);
  }
  return changed;
}

}  // namespace instainfer::invoker
