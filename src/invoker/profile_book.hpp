#pragma once

#include <map>
#include <optional>
#include <set>

#include "function_table.hpp"
#include "instainfer/core/node.hpp"
#include "instainfer/store/stores.hpp"

namespace instainfer::invoker {

/// Carries what was learnt about functions over a restart: hands stored profiles to the core, and collects what changed since
/// the last saving.
class ProfileBook {
 public:
  void restore(std::map<store::ProfileKey, store::StoredProfile> stored) { stored_ = std::move(stored); }
  /// The profile of an earlier life, aged by the time since it was saved; none if the code is another.
  [[nodiscard]] std::optional<core::ProfileSnapshot> find(const Function& function, EpochMillis now) const;
  void touch(core::FunctionId id) { touched_.insert(id); }
  [[nodiscard]] std::size_t unsaved() const { return touched_.size(); }
  /// What is to be saved now; empties the list of touched ones.
  std::map<store::ProfileKey, store::StoredProfile> take_changed(const core::Node& node, const FunctionTable& functions,
                                                                 TimePoint now, EpochMillis epoch);

 private:
  std::map<store::ProfileKey, store::StoredProfile> stored_;
  std::set<core::FunctionId> touched_;
};

}  // namespace instainfer::invoker
