#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>

namespace instainfer::container {

/// Hands out the uids that workers run under: unique among live functions of the node, and not given again before the wipe of
/// the last holder is confirmed (design.md, 5). Reuses the longest unused one first.
class UidPool {
 public:
  UidPool(std::uint32_t first, std::uint32_t count);
  /// None if all are in use: the caller refuses the preload or makes a new container wait.
  std::optional<std::uint32_t> take();
  /// Everything of that uid is dead and wiped.
  void give_back(std::uint32_t uid);
  [[nodiscard]] std::size_t in_use() const { return taken_.size(); }

 private:
  std::deque<std::uint32_t> free_;
  std::set<std::uint32_t> taken_;
};

}  // namespace instainfer::container
