#include "instainfer/base/bytes.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace instainfer {

std::string to_string(Bytes bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes.count);
  std::size_t unit = 0;
  while ((value >= 1024 || value <= -1024) && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 48> text{};
  const bool whole = value == static_cast<double>(static_cast<std::int64_t>(value));
  std::snprintf(text.data(), text.size(), whole ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text.data();
}

Result<Bytes> parse_bytes(std::string_view text) {
  const auto malformed = [&] {
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(text) + "' is no size; write a whole number and a unit, like '256 MB'");
  };
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return malformed();
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (unit.empty() || unit.size() > 2 || (unit.size() == 2 && unit[1] != 'B' && unit[1] != 'b')) return malformed();
  std::int64_t factor = 0;
  switch (unit[0]) {
    case 'B': case 'b': factor = unit.size() == 1 ? 1 : 0; break;
    case 'K': case 'k': factor = 1LL << 10; break;
    case 'M': case 'm': factor = 1LL << 20; break;
    case 'G': case 'g': factor = 1LL << 30; break;
    default: break;
  }
  if (factor == 0 || number > (1LL << 62) / factor) return malformed();
  return Bytes{number * factor};
}

}  // namespace instainfer
