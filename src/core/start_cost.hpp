#pragma once

#include "instainfer/base/time.hpp"
#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// What is known about the ways to start one function; priors where nothing was measured yet.
struct StartTimes {
  Duration create{};     ///< to make a container of its kind
  Duration load{};       ///< to level initialised, in a container that is up
  Duration remaining{};  ///< of a load that is going on
  Duration resume{};     ///< to thaw the container, if it is paused
};

/// Promotion of a preloaded worker: kill and wipe the others, then hand over (the paper measures 2 to 11 ms).
constexpr Duration kSwitchCost = std::chrono::milliseconds(8);

/// Time from placing an activation to handing its request to a ready worker (policies.md 2.2). The only place where one
/// way to start is said to be faster than another.
constexpr Duration start_cost(StartType start, const StartTimes& times) {
  switch (start) {
    case StartType::warm:
      return times.resume;
    case StartType::preloaded:
      return times.resume + kSwitchCost;
    case StartType::preloading:
      return times.resume + times.remaining + kSwitchCost;
    case StartType::prewarmed:
      return times.load;
    case StartType::shared:
    case StartType::restored:
    case StartType::cold:
      return times.create + times.load;
  }
  return times.create + times.load;
}

}  // namespace instainfer::core
