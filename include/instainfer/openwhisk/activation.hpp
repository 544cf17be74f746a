#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "instainfer/openwhisk/entities.hpp"

namespace instainfer::openwhisk {

/// 32 lower-case hex digits.
std::string make_activation_id();
/// "Activation id length is 3 but must be 32." / "The activation id is not valid." as the API answers.
Result<std::string> parse_activation_id(std::string_view text);

/// Transaction id of one request: id and start time; appears as `transid` on the wire and in log lines.
struct TransactionId {
  std::string id;
  EpochMillis start{};
};

/// The order to run an action once (contract 2.2).
struct ActivationMessage {
  TransactionId transaction;
  EntityName action;
  std::string revision;
  Identity user;
  std::string activation_id;
  bool blocking = false;
  Json content = Json::object();       ///< merged arguments; object or array
  std::vector<std::string> init_args;  ///< names of members of content that go to initialisation
  std::optional<std::string> cause;
  std::string controller = "0";
};

enum class StatusCode : int { success = 0, application_error = 1, developer_error = 2, whisk_error = 3 };
/// "success", "application error", "action developer error", "whisk internal error".
std::string_view status_text(StatusCode code);

struct ActivationResponse {
  StatusCode status = StatusCode::success;
  std::optional<Json> result;
  std::optional<std::int64_t> size;
};

/// The activation record (contract 3.5).
struct Activation {
  std::string ns;
  std::string name;
  SemVer version;
  std::string subject;
  std::string activation_id;
  std::optional<std::string> cause;
  EpochMillis start{};
  std::optional<EpochMillis> end;
  std::optional<std::int64_t> duration;  ///< ms
  ActivationResponse response;
  std::vector<std::string> logs;
  KeyValues annotations;
  bool publish = false;
};

/// Full record as the REST API shows it (rest contract 2.12), and the list element.
Json to_json(const Activation& activation);
Json to_summary_json(const Activation& activation);
Json to_json(const ActivationResponse& response);
/// The stored form (contract 3.5) and back.
Json to_document(const Activation& activation);
Result<Activation> activation_from_document(const Json& document);

/// What the container answered to /init or /run, as the client saw it (contract 4.5).
struct ContainerAnswer {
  enum class Kind { answered, no_response, connection_error, memory_exhausted, timed_out } kind = Kind::no_response;
  int http_status = 0;
  std::string body;                          ///< or the first `truncation` bytes of an oversized one
  std::optional<std::int64_t> oversized_length;
  std::int64_t max_length = 0;
  bool unhealthy() const { return kind == Kind::answered && http_status == 503; }
};
/// The outcome tables of contract 4.6. `took` decides about time-outs; success of /init has no result.
ActivationResponse init_response(const ContainerAnswer& answer, std::chrono::milliseconds took, std::chrono::milliseconds limit);
ActivationResponse run_response(const ContainerAnswer& answer, std::chrono::milliseconds took, std::chrono::milliseconds limit);

/// Result: "here is the answer"; completion: "the slot is free"; both: at once (contract 2.5).
struct Acknowledgement {
  TransactionId transaction;
  std::string activation_id;
  std::optional<Activation> activation;  ///< present: carries the result; logs are always empty in it
  bool completion = false;
  bool system_error = false;             ///< StatusCode::whisk_error
};

/// One line of a record's logs: time padded to 30 characters, blank, stream, ": ", text (contract 4.9).
std::string log_line(std::string_view rfc3339_time, std::string_view stream, std::string_view text);
/// 2025-01-01T00:00:00.879123456Z
std::string rfc3339_nanoseconds(std::chrono::system_clock::time_point time);

}  // namespace instainfer::openwhisk
