#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace instainfer {

/// What kind of failure an Error is, as far as a caller may want to decide on it; the sentence is for humans.
enum class ErrorCode {
  invalid_argument,  ///< the caller's input is wrong; repeating it changes nothing
  not_found,
  already_exists,
  conflict,       ///< lost a race against another writer
  too_large,      ///< over a configured limit
  unauthorized,   ///< no or wrong credentials
  forbidden,      ///< known caller, not allowed
  unavailable,    ///< the peer is away or overloaded; trying again may help
  timed_out,
  cancelled,
  not_supported,
  internal,       ///< an error of ours or of the machine
};

/// The name used in logs and metrics, e.g. "not_found".
std::string_view to_string(ErrorCode code);

/// A failure that can happen: what kind, and a sentence that says what was wrong, where, and what would be right.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;

  /// The same error with `where: ` in front, added on the way up.
  [[nodiscard]] Error in(std::string_view where) const { return {code, std::string(where) + ": " + message}; }

  bool operator==(const Error&) const = default;
};

/// Either a value or the reason why there is none. Must not be ignored.
template <typename T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorCode::not_found, "...")` from any function that returns a Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

/// An Error for the calling thread's `errno`: "open /x: No such file or directory".
Error errno_error(std::string_view what);
/// The same for a given errno value.
Error errno_error(std::string_view what, int errno_value);

}  // namespace instainfer
