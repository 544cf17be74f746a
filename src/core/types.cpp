#include "instainfer/core/types.hpp"

namespace instainfer::core {

std::string_view to_string(PreloadLevel level) {
  switch (level) {
    case PreloadLevel::none:
      return "none";
    case PreloadLevel::libraries:
      return "libraries";
    case PreloadLevel::initialised:
      return "initialised";
    case PreloadLevel::gpu:
      return "gpu";
  }
  return "unknown";
}

std::string_view to_string(StartType type) {
  switch (type) {
    case StartType::cold:
      return "cold";
    case StartType::prewarmed:
      return "prewarmed";
    case StartType::shared:
      return "shared";
    case StartType::restored:
      return "restored";
    case StartType::preloading:
      return "preloading";
    case StartType::preloaded:
      return "preloaded";
    case StartType::warm:
      return "warm";
  }
  return "unknown";
}

std::string_view to_string(ContainerState state) {
  switch (state) {
    case ContainerState::creating:
      return "creating";
    case ContainerState::prewarmed:
      return "prewarmed";
    case ContainerState::idle:
      return "idle";
    case ContainerState::busy:
      return "busy";
    case ContainerState::pausing:
      return "pausing";
    case ContainerState::paused:
      return "paused";
    case ContainerState::resuming:
      return "resuming";
    case ContainerState::removing:
      return "removing";
  }
  return "unknown";
}

std::string_view to_string(RemoveReason reason) {
  switch (reason) {
    case RemoveReason::idle_timeout:
      return "idle_timeout";
    case RemoveReason::evicted:
      return "evicted";
    case RemoveReason::broken:
      return "broken";
    case RemoveReason::wipe_failed:
      return "wipe_failed";
    case RemoveReason::surplus:
      return "surplus";
    case RemoveReason::shutdown:
      return "shutdown";
  }
  return "unknown";
}

}  // namespace instainfer::core
