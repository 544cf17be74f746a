#pragma once

#include <concepts>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <toml++/toml.h>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/result.hpp"
#include "instainfer/base/time.hpp"

namespace instainfer::invoker {

/// One table of a configuration file, read strictly: every key that is asked for must have the asked type, and every key that
/// nobody asked for is an error. The first error of the whole file is kept in `error`; later reads then do nothing.
class TomlSection {
 public:
  TomlSection(const toml::table* table, std::string path, std::string_view file, std::optional<Error>& error)
      : table_(table), path_(std::move(path)), file_(file), error_(error) {}

  void read(std::string_view key, bool& out);
  void read(std::string_view key, std::string& out);
  void read(std::string_view key, double& out, double least, double most);
  /// Any integer member; refuses what is outside [least, most].
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  void read(std::string_view key, T& out, std::int64_t least, std::int64_t most) {
    auto number = static_cast<std::int64_t>(out);
    read_integer(key, number, least, most);
    out = static_cast<T>(number);
  }
  void read(std::string_view key, Bytes& out, Bytes least);  ///< "256 MB"
  /// Any duration member: "10 s".
  template <typename Rep, typename Period>
  void read(std::string_view key, std::chrono::duration<Rep, Period>& out) {
    Duration value = out;
    read_duration(key, value);
    out = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(value);
  }
  /// A sub-table; an empty section if it is absent.
  TomlSection section(std::string_view key);
  /// The key's array of tables, or null.
  const toml::array* tables(std::string_view key);
  [[nodiscard]] TomlSection element(const toml::table& table, std::string_view key, std::size_t index) const;

  /// Refuses keys that were never asked for. Call it last.
  void finish();
  /// Records an error about a key, unless there is one already.
  void refuse(std::string_view key, std::string_view what);

 private:
  const toml::node* find(std::string_view key);
  void read_integer(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most);
  void read_duration(std::string_view key, Duration& out);
  [[nodiscard]] std::string full_name(std::string_view key) const;

  const toml::table* table_;
  std::string path_;
  std::string_view file_;
  std::optional<Error>& error_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace instainfer::invoker
