#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "instainfer/base/result.hpp"

namespace instainfer {

/// An amount of memory. Signed, so that differences are safe; never a bare integer across an interface.
struct Bytes {
  std::int64_t count = 0;

  auto operator<=>(const Bytes&) const = default;
  constexpr Bytes& operator+=(Bytes other) { count += other.count; return *this; }
  constexpr Bytes& operator-=(Bytes other) { count -= other.count; return *this; }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return {a.count + b.count}; }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return {a.count - b.count}; }
  friend constexpr Bytes operator-(Bytes a) { return {-a.count}; }
  friend constexpr Bytes operator*(Bytes a, std::int64_t n) { return {a.count * n}; }
  /// Mebibytes, rounded down; OpenWhisk's "MB".
  [[nodiscard]] constexpr std::int64_t mib() const { return count / (1024 * 1024); }
};

namespace literals {
constexpr Bytes operator""_B(unsigned long long n) { return {static_cast<std::int64_t>(n)}; }
constexpr Bytes operator""_KiB(unsigned long long n) { return {static_cast<std::int64_t>(n) * 1024}; }
constexpr Bytes operator""_MiB(unsigned long long n) { return {static_cast<std::int64_t>(n) * 1024 * 1024}; }
constexpr Bytes operator""_GiB(unsigned long long n) { return {static_cast<std::int64_t>(n) * 1024 * 1024 * 1024}; }
}  // namespace literals

constexpr Bytes mebibytes(std::int64_t n) { return {n * 1024 * 1024}; }

/// For humans: "512 MiB", "1.5 GiB", "17 B".
std::string to_string(Bytes bytes);

/// Reads OpenWhisk's size grammar: `256 MB`, `1 GB`, `512 KB`, `100 B` (also m, g, k, b; always powers of 1024).
Result<Bytes> parse_bytes(std::string_view text);

}  // namespace instainfer
