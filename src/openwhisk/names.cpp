#include <algorithm>
#include <cctype>
#include <charconv>

#include "instainfer/openwhisk/entities.hpp"
#include "members.hpp"

namespace instainfer::openwhisk {
namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

std::string trimmed_lower(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  std::string result(text.substr(first, text.find_last_not_of(blanks) - first + 1));
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string EntityName::path() const {
  return package.empty() ? ns : ns + '/' + package;
}

std::string EntityName::qualified() const {
  return path() + '/' + name;
}

bool is_valid_entity_name(std::string_view name) {
  constexpr std::size_t max_length = 256;
  constexpr std::string_view further = "@ .&-";
  if (name.empty() || name.size() > max_length) return false;
  if (!is_word_character(name.front()) || name.back() == ' ') return false;
  for (char c : name) {
    if (!is_word_character(c) && further.find(c) == std::string_view::npos) return false;
  }
  return true;
}

std::string to_string(const SemVer& version) {
  return std::to_string(version.major) + '.' + std::to_string(version.minor) + '.' + std::to_string(version.patch);
}

Result<SemVer> parse_semver(std::string_view text) {
  const auto malformed = [&] {
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(text) + "' is no version; write MAJOR.MINOR.PATCH in whole numbers, at least 0.0.1");
  };
  SemVer version{0, 0, 0};  // OpenWhisk reads missing parts as 0 (contract 2.1)
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int* part : {&version.major, &version.minor, &version.patch}) {
    const auto [next, error] = std::from_chars(at, end, *part);
    if (error != std::errc{} || *part < 0) return malformed();
    at = next;
    if (at == end) break;
    if (*at != '.' || part == &version.patch) return malformed();
    ++at;
  }
  if (at != end || text.ends_with('.') || version == SemVer{0, 0, 0}) return malformed();
  return version;
}

}  // namespace instainfer::openwhisk
