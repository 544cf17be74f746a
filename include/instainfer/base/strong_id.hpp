#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace instainfer {

/// A dense handle that cannot be mixed up with another kind of handle. Tag is any type, only its name counts.
template <typename Tag, typename Rep>
struct StrongId {
  Rep value = 0;
  auto operator<=>(const StrongId&) const = default;
};

}  // namespace instainfer

template <typename Tag, typename Rep>
struct std::hash<instainfer::StrongId<Tag, Rep>> {
  std::size_t operator()(instainfer::StrongId<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
