#pragma once

#include <string_view>

#include "http_types.hpp"
#include "instainfer/openwhisk/limits.hpp"
#include "instainfer/store/stores.hpp"

namespace instainfer::controller {

/// What the query of a list asks for (rest contract 2.13).
struct ListOptions {
  store::Page page;
  bool count = false;
};

/// `collection` is the word for the error texts: "The value '201' is not in the range of 0 to 200 for activations."
ApiResult<ListOptions> parse_list_options(const Query& query, std::string_view collection,
                                          const openwhisk::SystemLimits& limits);

/// {"actions": N}: the number of elements after `skip`.
Response count_response(std::string_view collection, std::int64_t total, int skip);

}  // namespace instainfer::controller
