#pragma once

#include <string_view>

#include "instainfer/base/result.hpp"
#include "instainfer/openwhisk/entities.hpp"

namespace instainfer::openwhisk {

/// Reads one JSON text as OpenWhisk's parser would (contract 0.1, J8 and J10): malformed UTF-8 becomes U+FFFD, values
/// nest at most 1000 deep, nothing may follow the value. The error says what is wrong and at which byte.
Result<Json> parse_json(std::string_view text);

}  // namespace instainfer::openwhisk
