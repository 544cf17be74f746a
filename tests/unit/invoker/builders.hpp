#pragma once

#include "function_table.hpp"
#include "instainfer/openwhisk/activation.hpp"
#include "instainfer/openwhisk/manifest.hpp"

namespace instainfer::invoker::testing {

inline openwhisk::RuntimesManifest a_manifest() {
  auto manifest = openwhisk::RuntimesManifest::parse(R"({"runtimes":{
    "python":[{"kind":"python:3","default":true,"image":{"name":"python"},"instainfer":{"worker":"python"}}],
    "torchscript":[{"kind":"torchscript:1","default":true,"image":{"name":"torch"},"instainfer":{"worker":"torchscript"}}],
    "nodejs":[{"kind":"nodejs:20","default":true,"image":{"name":"node"}}]}})");
  return std::move(*manifest);
}

inline openwhisk::Action an_action(const std::string& name, const std::string& code = "def main(args): return {}") {
  openwhisk::Action action;
  action.name = {"guest", "", name};
  action.exec.kind = "python:3";
  action.exec.code = code;
  return action;
}

inline openwhisk::ActivationMessage a_message(const std::string& name) {
  openwhisk::ActivationMessage message;
  message.transaction = {"tid1", EpochMillis(std::chrono::milliseconds(1000))};
  message.action = {"guest", "", name};
  message.user = {"guest", "guest", "uuid", "uuid", "key", {}};
  message.activation_id = "0123456789abcdef0123456789abcdef";
  message.blocking = true;
  message.content = {{"a", 1}, {"secret", "x"}};
  return message;
}

}  // namespace instainfer::invoker::testing
