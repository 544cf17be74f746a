#include "toml_section.hpp"

#include "instainfer/invoker/config.hpp"

namespace instainfer::invoker {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

std::string expected(std::string_view what, const toml::node& got) {
  return "expected " + std::string(what) + ", not " + std::string(type_name(got));
}

}  // namespace

const toml::node* TomlSection::find(std::string_view key) {
  known_.emplace(key);
  return table_ == nullptr || error_ ? nullptr : table_->get(key);
}

std::string TomlSection::full_name(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void TomlSection::refuse(std::string_view key, std::string_view what) {
  if (error_) return;
  std::string where(file_);
  if (const toml::node* node = table_ == nullptr ? nullptr : table_->get(key)) {
    where += ":" + std::to_string(node->source().begin.line);
  }
  error_ = Error{ErrorCode::invalid_argument, where + ": " + full_name(key) + ": " + std::string(what)};
}

void TomlSection::read(std::string_view key, bool& out) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto value = node->value_exact<bool>()) out = *value;
  else refuse(key, expected("true or false", *node));
}

void TomlSection::read(std::string_view key, std::string& out) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto value = node->value_exact<std::string>()) out = *value;
  else refuse(key, expected("a string", *node));
}

void TomlSection::read(std::string_view key, double& out, double least, double most) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value) return refuse(key, expected("a number", *node));
  if (!(*value >= least && *value <= most)) {
    return refuse(key, "must be between " + std::to_string(least) + " and " + std::to_string(most));
  }
  out = *value;
}

void TomlSection::read_integer(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<std::int64_t>();
  if (!value) return refuse(key, expected("a whole number", *node));
  if (*value < least || *value > most) {
    return refuse(key, "must be between " + std::to_string(least) + " and " + std::to_string(most));
  }
  out = *value;
}

void TomlSection::read(std::string_view key, Bytes& out, Bytes least) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto text = node->value_exact<std::string>();
  if (!text) return refuse(key, expected("a size like \"256 MB\"", *node));
  const auto value = parse_bytes(*text);
  if (!value) return refuse(key, value.error().message);
  if (*value < least) return refuse(key, "must be at least " + to_string(least));
  out = *value;
}

void TomlSection::read_duration(std::string_view key, Duration& out) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto text = node->value_exact<std::string>();
  if (!text) return refuse(key, expected("a duration like \"10 s\"", *node));
  const auto value = parse_duration(*text);
  if (!value) return refuse(key, value.error().message);
  out = *value;
}

TomlSection TomlSection::section(std::string_view key) {
  const toml::node* node = find(key);
  if (node != nullptr && !node->is_table()) refuse(key, expected("a table", *node));
  return {node == nullptr ? nullptr : node->as_table(), full_name(key), file_, error_};
}

const toml::array* TomlSection::tables(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return nullptr;
  const toml::array* array = node->as_array();
  if (array == nullptr || !array->is_homogeneous<toml::table>()) {
    refuse(key, "expected an array of tables, [[" + full_name(key) + "]]");
    return nullptr;
  }
  return array;
}

TomlSection TomlSection::element(const toml::table& table, std::string_view key, std::size_t index) const {
  return {&table, full_name(key) + "[" + std::to_string(index) + "]", file_, error_};
}

void TomlSection::finish() {
  if (table_ == nullptr || error_) return;
  for (const auto& [key, node] : *table_) {
    if (known_.contains(key.str())) continue;
    std::string list;
    for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + name;
    return refuse(key.str(), "unknown key; known here: " + list);
  }
}

}  // namespace instainfer::invoker
