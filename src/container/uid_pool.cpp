#include "instainfer/container/uid_pool.hpp"

#include <cassert>

namespace instainfer::container {

UidPool::UidPool(std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) free_.push_back(first + i);
}

std::optional<std::uint32_t> UidPool::take() {
  if (free_.empty()) return std::nullopt;
  const std::uint32_t uid = free_.front();
  free_.pop_front();
  taken_.insert(uid);
  return uid;
}

void UidPool::give_back(std::uint32_t uid) {
  // A uid that nobody holds must not enter the pool: two live functions would share it.
  if (taken_.erase(uid) == 0) {
    assert(false && "a uid is given back once, by its holder");
    return;
  }
  free_.push_back(uid);
}

}  // namespace instainfer::container
