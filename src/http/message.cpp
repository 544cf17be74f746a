#include "instainfer/http/message.hpp"

#include <algorithm>
#include <cctype>

namespace instainfer::http {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const std::string* Request::find_header(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const Header& h) { return equal_ignoring_case(h.name, name); });
  return found == headers.end() ? nullptr : &found->value;
}

}  // namespace instainfer::http
