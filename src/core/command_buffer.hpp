#pragma once

#include <iterator>
#include <utility>

#include "instainfer/core/events.hpp"

namespace instainfer::core {

/// Collects the commands of one event and hands them out in the order of policies.md 10.2: rejections, removals before
/// creations, pauses and resumes, offloads before starts, starts before loads, long work last. Within a group the order
/// of decision stays.
class CommandBuffer {
 public:
  template <typename C>
  void add(C command) {
    groups_[group_of(command)].push_back(std::move(command));
  }

  Commands take() {
    Commands all;
    for (Commands& group : groups_) {
      all.insert(all.end(), std::make_move_iterator(group.begin()), std::make_move_iterator(group.end()));
      group.clear();
    }
    return all;
  }

 private:
  static constexpr int kGroups = 9;
  static constexpr int group_of(const RejectActivation&) { return 0; }
  static constexpr int group_of(const RemoveContainer&) { return 1; }
  static constexpr int group_of(const CreateContainer&) { return 2; }
  static constexpr int group_of(const PauseContainer&) { return 3; }
  static constexpr int group_of(const ResumeContainer&) { return 4; }
  static constexpr int group_of(const OffloadFunction&) { return 5; }
  static constexpr int group_of(const StartActivation&) { return 6; }
  static constexpr int group_of(const PreloadFunction&) { return 7; }
  static constexpr int group_of(const Solve&) { return 8; }

  Commands groups_[kGroups];
};

}  // namespace instainfer::core
