#pragma once

#include <optional>
#include <string>

#include "function_table.hpp"
#include "instainfer/core/types.hpp"
#include "instainfer/openwhisk/activation.hpp"

namespace instainfer::invoker {

/// What happened to one activation, as far as its record tells (contract 3.5, design.md 8).
struct Outcome {
  openwhisk::ActivationResponse response;
  EpochMillis run_start{};        ///< start of the run; of the init if that failed
  EpochMillis end{};
  std::optional<Duration> init;   ///< it waited for this long for an init or a load
  EpochMillis work_start{};       ///< start of init, or of run without one: ends the wait
  bool timed_out = false;
  core::StartType start = core::StartType::cold;
  core::PreloadLevel level = core::PreloadLevel::none;
  std::optional<Duration> loading;       ///< receipt to hand-over, less memory_wait; none if it was never handed over
  std::optional<Duration> run;           ///< hand-over to answer
  Duration memory_wait{};
};

/// Record of an activation that reached a container.
openwhisk::Activation make_record(const Function& function, const openwhisk::ActivationMessage& message,
                                  const Outcome& outcome);

/// Record of one that failed before a container (contract 2.3): the action may not even be known.
openwhisk::Activation make_failed_record(const openwhisk::ActivationMessage& message, const openwhisk::Action* action,
                                         openwhisk::StatusCode status, const std::string& error, EpochMillis now);

}  // namespace instainfer::invoker
