#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "instainfer/base/result.hpp"

namespace instainfer {

/// Standard base64 with padding, no line breaks (RFC 4648, section 4).
std::string base64_encode(std::string_view bytes);
/// Refuses anything that is not well-formed padded base64.
Result<std::string> base64_decode(std::string_view text);
/// OpenWhisk's test for binary code (entity/Exec.scala): trimmed text is non-empty, a multiple of 4 long, well-formed base64.
bool looks_like_base64(std::string_view text);

/// Lower-case hex SHA-256 of the bytes, 64 digits.
std::string sha256_hex(std::string_view bytes);

/// `count` bytes from the kernel's random source, as lower-case hex (2 digits each).
std::string random_hex(std::size_t count);

/// The text with every byte sequence that is not UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace instainfer
