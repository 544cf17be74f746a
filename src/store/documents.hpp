#pragma once

#include <string>

#include "instainfer/openwhisk/json.hpp"

namespace instainfer::store {

/// Compact JSON; what is not UTF-8 becomes U+FFFD, so writing never fails.
inline std::string dump(const openwhisk::Json& json) {
  return json.dump(-1, ' ', false, openwhisk::Json::error_handler_t::replace);
}

/// Reads a document of ours with `read`. An error is the database's fault, not the caller's.
template <typename Value>
Result<Value> parse_document(const std::string& text, Result<Value> (*read)(const openwhisk::Json&)) {
  const auto json = openwhisk::parse_json(text);
  Result<Value> value = json ? read(*json) : fail(json.error());
  if (!value) return fail(ErrorCode::internal, "the stored document cannot be read: " + value.error().message);
  return value;
}

}  // namespace instainfer::store
