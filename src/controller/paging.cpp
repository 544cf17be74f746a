#include "paging.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace instainfer::controller {
namespace {

ApiResult<int> parse_integer(const std::string& text, std::string_view name, std::string_view collection) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return value;
  return refuse(
      malformed_query(name, "The value '" + text + "' is not an integer for " + std::string(collection) + "."));
}

}  // namespace

ApiResult<ListOptions> parse_list_options(const Query& query, std::string_view collection,
                                          const openwhisk::SystemLimits& limits) {
  ListOptions options;
  options.page.limit = limits.default_list;
  if (const std::string* text = query.find("limit")) {
    const auto limit = parse_integer(*text, "limit", collection);
    if (!limit) return refuse(limit.error());
    if (*limit < 0 || *limit > limits.max_list) {
      return refuse(malformed_query("limit", "The value '" + *text + "' is not in the range of 0 to " +
                                                 std::to_string(limits.max_list) + " for " + std::string(collection) +
                                                 "."));
    }
    options.page.limit = *limit == 0 ? limits.max_list : *limit;
  }
  if (const std::string* text = query.find("skip")) {
    const auto skip = parse_integer(*text, "skip", collection);
    if (!skip) return refuse(skip.error());
    if (*skip < 0) {
      return refuse(malformed_query(
          "skip", "The value '" + *text + "' is not greater than or equal to 0 for " + std::string(collection) + "."));
    }
    options.page.skip = *skip;
  }
  const auto count = query.boolean("count", false);
  if (!count) return refuse(count.error());
  options.count = *count;
  return options;
}

Response count_response(std::string_view collection, std::int64_t total, int skip) {
  openwhisk::Json body = openwhisk::Json::object();
  body[std::string(collection)] = std::max<std::int64_t>(0, total - skip);
  return json_response(200, body);
}

}  // namespace instainfer::controller
