#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "instainfer/core/plan.hpp"
#include "instainfer/core/types.hpp"

namespace instainfer::core {

// Events: what a driver tells the core. Every command's outcome comes back as exactly one event (or the container's
// death), but for a load that a promotion kills or an activation joins: that one has no outcome of its own. The events of
// one container come in the order in which its commands were carried out. An event about something the core does not
// know, or no longer waits for, is counted and changes nothing.

/// A function exists and may be planned for; repeated with the same id when its spec changed (new code = new id).
struct FunctionAdded {
  FunctionId function;
  FunctionSpec spec;
  std::optional<ProfileSnapshot> profile;  ///< what an earlier life of the process learnt
};
/// The function was deleted or its code replaced: it is not planned any more and what is loaded of it goes.
struct FunctionRemoved { FunctionId function; };

struct ActivationArrived { ActivationKey activation; FunctionId function; };
/// The request was handed to a ready worker.
struct ActivationStarted {
  ActivationKey activation;
  ContainerId container;
  /// The whole init or load that it had to wait for (or joined), measured in the container; none if it was ready.
  std::optional<Duration> load_took;
  Bytes loaded_bytes{};               ///< what that init added to the container; 0 if not measured
};
/// The activation is through, logs collected.
struct ActivationFinished {
  ActivationKey activation;
  ContainerId container;
  bool container_usable = true;  ///< false: developer error, time-out, log trouble; the container goes (contract 4.7)
  Duration execution{};          ///< between hand-over and answer
  Bytes container_used{};        ///< measured use of the container just after
};
/// The container was unhealthy before it saw the request (contract 5.6): the activation is placed anew, the container goes.
struct ActivationReturned { ActivationKey activation; ContainerId container; };

struct ContainerCreated { ContainerId container; Bytes used; };
struct ContainerCreateFailed { ContainerId container; std::string why; };
struct ContainerPaused { ContainerId container; };
/// `failed`: the container is broken and will be removed.
struct ContainerResumed { ContainerId container; bool failed = false; };
/// Answer to RemoveContainer: nothing of it is left.
struct ContainerRemoved { ContainerId container; };
/// It is gone without having been asked; activations in it were answered by the driver with ActivationFinished before.
struct ContainerDied { ContainerId container; };
/// `used` here and in the other events: private memory of all but the preloaded workers.
struct ContainerMeasured { ContainerId container; Bytes used; };

struct PreloadReady { ContainerId container; FunctionId function; PreloadLevel level; Duration took{}; Bytes bytes; };
/// The load failed, or a loaded worker died or outgrew its memory. The container stays usable.
struct PreloadFailed { ContainerId container; FunctionId function; std::string why; };
struct Offloaded { ContainerId container; FunctionId function; };
/// A wipe did not come clean within its second: the container must go (design.md, 5).
struct WipeFailed { ContainerId container; };

/// Answer to Solve.
struct Solved { std::uint64_t version = 0; std::shared_ptr<const Plan> plan; };
/// Time passed; sent when `Node::wake()` fell due. Any later event does as well.
struct Wake {};
/// No new activations are taken from now on; idle containers go, waiting activations are still served.
struct DrainRequested {};

using Event = std::variant<FunctionAdded, FunctionRemoved, ActivationArrived, ActivationStarted, ActivationFinished,
                           ActivationReturned, ContainerCreated, ContainerCreateFailed, ContainerPaused, ContainerResumed,
                           ContainerRemoved, ContainerDied, ContainerMeasured, PreloadReady, PreloadFailed, Offloaded,
                           WipeFailed, Solved, Wake, DrainRequested>;

// Commands: what the core tells the driver, in the order in which they have to be begun: removals before creations,
// offloads before starts, starts before loads. Those of one container must be carried out in this order.

/// Start a container. Without a namespace it is a stem cell: libraries up, no user code.
struct CreateContainer { ContainerId container; KindId kind; Bytes memory_limit; std::optional<NamespaceId> ns; };
struct RemoveContainer { ContainerId container; RemoveReason reason; };
struct PauseContainer { ContainerId container; };
struct ResumeContainer { ContainerId container; };
struct PreloadFunction { ContainerId container; FunctionId function; PreloadLevel level; };
struct OffloadFunction {
  ContainerId container;
  FunctionId function;
  /// True when a promotion kills it: the StartActivation that follows does it (no separate call, no Offloaded event; and no
  /// PreloadReady or PreloadFailed if it was still being loaded).
  bool by_promotion = false;
};
/// Run the activation there. Everything else held by the container was announced as OffloadFunction{by_promotion}, but for
/// the function that it was warm for: that worker dies without a word. With StartType::preloading the request waits for
/// the load or init that is going on there; if that load fails, the activation has failed like any init.
struct StartActivation {
  ActivationKey activation;
  ContainerId container;
  FunctionId function;
  StartType start = StartType::cold;
  PreloadLevel level = PreloadLevel::none;  ///< what was ready when it was placed
  bool init = false;                        ///< /init first: nothing of the function is there
  /// The container is paused (or a pause or resume of it is going on): the driver resumes it, no ContainerResumed event.
  bool resume_first = false;
  /// How long it waited for memory: in the queue, and for containers that were removed to make room. Not loading time.
  Duration waited_for_memory{};
};
/// Why an activation cannot be served here, ever.
struct RejectActivation { ActivationKey activation; std::string why; };
/// Work that is too long for handle(): run core::solve(*problem) elsewhere and answer with Solved.
struct Solve { std::uint64_t version = 0; std::shared_ptr<const PlanProblem> problem; };

using Command = std::variant<CreateContainer, RemoveContainer, PauseContainer, ResumeContainer, PreloadFunction,
                             OffloadFunction, StartActivation, RejectActivation, Solve>;
using Commands = std::vector<Command>;

}  // namespace instainfer::core
