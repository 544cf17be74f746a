#include "instainfer/openwhisk/json.hpp"

#include <cmath>
#include <string>

#include "instainfer/base/encoding.hpp"
#include "members.hpp"

namespace instainfer::openwhisk {
namespace {

constexpr int kMaxDepth = 1000;

/// Whether brackets outside strings nest deeper than OpenWhisk's parser allows; looked at before parsing, because
/// writing and copying a value recurse once per level.
bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if ((c == '[' || c == '{') && ++depth > kMaxDepth) return true;
    if (c == ']' || c == '}') --depth;
  }
  return false;
}

std::string without_library_prefix(std::string_view what) {
  const auto end = what.find("] ");
  return std::string(end == std::string_view::npos ? what : what.substr(end + 2));
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (nests_too_deep(text)) {
    return fail(ErrorCode::invalid_argument, "the JSON nests deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  try {
    return Json::parse(to_valid_utf8(text));
  } catch (const Json::exception& error) {
    return fail(ErrorCode::invalid_argument, without_library_prefix(error.what()));
  }
}

std::optional<std::int64_t> whole_number(const Json& json) {
  if (json.is_number_unsigned()) {
    const auto value = json.get<std::uint64_t>();
    if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<std::int64_t>(value);
  }
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (!json.is_number_float()) return std::nullopt;
  const double value = json.get<double>();
  constexpr double exact_limit = 9007199254740992.0;  // 2^53: above it a double no longer tells whole numbers apart
  if (std::trunc(value) != value || std::abs(value) > exact_limit) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

Result<Members> Members::of(const Json& json, std::string_view where) {
  if (!json.is_object()) {
    return fail(ErrorCode::invalid_argument,
                std::string(where) + " must be a JSON object, but is " + std::string(json.type_name()));
  }
  return Members(json, where);
}

const Json* Members::find(std::string_view name) const {
  const auto member = json_->find(name);
  return member == json_->end() || member->is_null() ? nullptr : &*member;
}

tl::unexpected<Error> Members::wrong(std::string_view name, std::string_view what) const {
  return fail(ErrorCode::invalid_argument, where_ + ": member '" + std::string(name) + "' " + std::string(what));
}

Result<const Json*> Members::require(std::string_view name) const {
  const Json* member = find(name);
  if (member == nullptr) return wrong(name, "is missing");
  return member;
}

Result<std::optional<std::string>> Members::optional_string(std::string_view name) const {
  const Json* member = find(name);
  if (member == nullptr) return std::optional<std::string>();
  if (!member->is_string()) return wrong(name, "must be a string");
  return std::optional(member->get<std::string>());
}

Result<std::string> Members::string(std::string_view name) const {
  auto value = optional_string(name);
  if (!value) return fail(std::move(value.error()));
  if (!*value) return wrong(name, "is missing; it must be a string");
  return **std::move(value);
}

Result<std::optional<std::int64_t>> Members::optional_integer(std::string_view name) const {
  const Json* member = find(name);
  if (member == nullptr) return std::optional<std::int64_t>();
  const auto value = whole_number(*member);
  if (!value) return wrong(name, "must be a whole number");
  return value;
}

Result<std::int64_t> Members::integer(std::string_view name) const {
  auto value = optional_integer(name);
  if (!value) return fail(std::move(value.error()));
  if (!*value) return wrong(name, "is missing; it must be a whole number");
  return **value;
}

Result<bool> Members::boolean(std::string_view name, bool otherwise) const {
  return find(name) == nullptr ? Result<bool>(otherwise) : boolean(name);
}

Result<bool> Members::boolean(std::string_view name) const {
  const Json* member = find(name);
  if (member == nullptr || !member->is_boolean()) return wrong(name, "must be true or false");
  return member->get<bool>();
}

}  // namespace instainfer::openwhisk
