#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "instainfer/openwhisk/entities.hpp"

namespace instainfer::openwhisk {

/// The members of one JSON object, read with errors that name the object and the member. An absent member and `null`
/// are the same (contract 0.1, J2). Keeps a reference to the object.
class Members {
 public:
  /// Refuses what is no object.
  static Result<Members> of(const Json& json, std::string_view where);

  [[nodiscard]] const Json* find(std::string_view name) const;
  [[nodiscard]] Result<const Json*> require(std::string_view name) const;

  [[nodiscard]] Result<std::string> string(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::string>> optional_string(std::string_view name) const;
  [[nodiscard]] Result<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> optional_integer(std::string_view name) const;
  [[nodiscard]] Result<bool> boolean(std::string_view name, bool otherwise) const;
  [[nodiscard]] Result<bool> boolean(std::string_view name) const;

  /// An error about a member: `where: member 'name' <what>`.
  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view name, std::string_view what) const;

 private:
  Members(const Json& json, std::string_view where) : json_(&json), where_(where) {}
  const Json* json_;
  std::string where_;
};

/// How kinds are compared (contract 3.3): without surrounding blanks, in lower case.
std::string trimmed_lower(std::string_view text);

/// A whole number that fits, also when it was written as 256.0.
std::optional<std::int64_t> whole_number(const Json& json);

}  // namespace instainfer::openwhisk
