#pragma once

#include <nlohmann/json.hpp>

#include "function_table.hpp"
#include "instainfer/openwhisk/activation.hpp"
#include "instainfer/runtime/protocol.hpp"

namespace instainfer::invoker {

/// Body of /init for an activation (contract 4.4), with the worker it is to be started as.
nlohmann::json init_body(const Function& function, const openwhisk::ActivationMessage& message, EpochMillis deadline,
                         const runtime::WorkerSpec& worker);

/// Body of /run (contract 4.4), naming the function so that a preloaded worker of it is promoted.
nlohmann::json run_body(const Function& function, const openwhisk::ActivationMessage& message, EpochMillis deadline);

/// What a preload sends: the same initialisation without activation, deadline or API key (design.md, 5).
runtime::PreloadRequest preload_request(const Function& function, const runtime::WorkerSpec& worker);

}  // namespace instainfer::invoker
