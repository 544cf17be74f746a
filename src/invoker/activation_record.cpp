#include "activation_record.hpp"

#include <cmath>

namespace instainfer::invoker {
namespace {

using openwhisk::Json;
using openwhisk::KeyValue;

std::int64_t whole_milliseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

/// Our own times keep microseconds: a hand-over takes less than one millisecond.
double fine_milliseconds(Duration d) {
  return std::round(milliseconds(d) * 1000) / 1000;
}

openwhisk::Activation make_base(const openwhisk::ActivationMessage& message) {
  openwhisk::Activation record;
  record.ns = message.user.ns;
  record.name = message.action.name;
  record.subject = message.user.subject;
  record.activation_id = message.activation_id;
  record.cause = message.cause;
  return record;
}

void add_common_annotations(openwhisk::Activation& record, const openwhisk::ActivationMessage& message,
                            const std::string& kind) {
  record.annotations.push_back({"path", message.action.qualified(), false, {}});
  record.annotations.push_back({"kind", kind, false, {}});
  if (message.cause) record.annotations.push_back({"causedBy", "sequence", false, {}});
}

}  // namespace

openwhisk::Activation make_record(const Function& function, const openwhisk::ActivationMessage& message,
                                  const Outcome& outcome) {
  openwhisk::Activation record = make_base(message);
  record.version = function.action.version;
  const std::int64_t init = outcome.init ? whole_milliseconds(*outcome.init) : 0;
  record.start = outcome.run_start - std::chrono::milliseconds(outcome.run_start > outcome.work_start ? init : 0);
  record.end = outcome.end;
  record.duration = (outcome.end - record.start).count();
  record.response = outcome.response;
  add_common_annotations(record, message, function.action.exec.kind);
  const auto annotate = [&](const char* key, Json value) { record.annotations.push_back({key, std::move(value), false, {}}); };
  annotate("limits", openwhisk::to_json(function.action.limits));
  annotate("timeout", outcome.timed_out);
  annotate("waitTime", std::max<std::int64_t>(0, (outcome.work_start - message.transaction.start).count()));
  if (outcome.init) annotate("initTime", init);
  annotate("startupType", std::string(to_string(outcome.start)));
  annotate("preloadLevel", std::string(to_string(outcome.level)));
  if (outcome.loading) annotate("loadTime", fine_milliseconds(*outcome.loading));
  if (outcome.run) annotate("runTime", fine_milliseconds(*outcome.run));
  annotate("memoryWaitTime", fine_milliseconds(outcome.memory_wait));
  return record;
}

openwhisk::Activation make_failed_record(const openwhisk::ActivationMessage& message, const openwhisk::Action* action,
                                         openwhisk::StatusCode status, const std::string& error, EpochMillis now) {
  openwhisk::Activation record = make_base(message);
  if (action != nullptr) record.version = action->version;
  record.start = now;
  record.end = now;
  record.duration = 0;
  record.response.status = status;
  record.response.result = Json{{"error", error}};
  add_common_annotations(record, message, action == nullptr ? "unknown" : action->exec.kind);
  return record;
}

}  // namespace instainfer::invoker
