#include "instainfer/tensors/model_repository.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "beneath.hpp"
#include "instainfer/base/files.hpp"
#include "instainfer/openwhisk/json.hpp"

namespace instainfer::tensors {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr Bytes kMostJson{1 << 20};
constexpr std::string_view kModelFile = "model.pt";

bool is_model_name(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

/// A whole number from 1, written in one way only: no sign, no leading zero.
std::optional<int> parse_version(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool complete = error == std::errc{} && end == text.data() + text.size();
  if (!complete || number < 1 || text.front() == '0') return std::nullopt;
  return number;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

/// An object, or not_found if the file does not exist.
Result<json> read_json(const UniqueFd& root, const std::string& relative) {
  const auto fd = open_beneath(root, relative, O_RDONLY | O_NONBLOCK);
  if (!fd) return fail(fd.error());
  const auto text = read_descriptor(fd->get(), relative, kMostJson);
  if (!text) return fail(text.error());
  auto parsed = openwhisk::parse_json(*text);
  if (!parsed) return fail(ErrorCode::internal, relative + " is no JSON: " + parsed.error().message);
  if (!parsed->is_object()) return fail(ErrorCode::internal, relative + " must hold a JSON object");
  return parsed;
}

Error bad_access_file(const std::string& file) {
  return {ErrorCode::internal,
          file + R"( must be {"public": true} or {"namespaces": ["guest", ...]}, without any other member)"};
}

/// Whether model.json lets the namespace use the model. Read strictly: a slip of the pen must not open a model to
/// everybody.
Result<bool> is_permitted(const UniqueFd& root, const std::string& name, std::string_view ns) {
  const std::string file = name + "/model.json";
  const auto access = read_json(root, file);
  if (!access && access.error().code == ErrorCode::not_found) return false;
  if (!access) return fail(access.error());
  bool permitted = false;
  for (const auto& [member, value] : access->items()) {
    if (member == "public" && value.is_boolean()) {
      permitted = permitted || value.get<bool>();
    } else if (member == "namespaces" && value.is_array()) {
      if (!std::all_of(value.begin(), value.end(), [](const json& n) { return n.is_string(); }))
        return fail(bad_access_file(file));
      permitted = permitted || std::find(value.begin(), value.end(), ns) != value.end();
    } else {
      return fail(bad_access_file(file));
    }
  }
  return permitted;
}

/// Names of the sub-folders of `folder`, in no order.
std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored)) names.push_back(at->path().filename());
  }
  return names;
}

/// Ascending.
std::vector<int> versions_in(const fs::path& folder) {
  std::vector<int> versions;
  for (const std::string& name : folders_in(folder)) {
    if (const auto version = parse_version(name)) versions.push_back(*version);
  }
  std::sort(versions.begin(), versions.end());
  return versions;
}

/// Only what the namespace may use: an error message tells nobody about other people's models.
std::vector<std::string> permitted_names(const UniqueFd& root, const fs::path& root_path, std::string_view ns) {
  std::vector<std::string> names;
  for (std::string& name : folders_in(root_path)) {
    if (is_model_name(name) && is_permitted(root, name, ns).value_or(false)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<RepositoryModel> open_model(const UniqueFd& root, const std::string& folder) {
  RepositoryModel model;
  model.relative = fs::path(folder) / kModelFile;
  const auto fd = open_beneath(root, model.relative.string(), O_RDONLY | O_NONBLOCK);
  if (!fd) return fail(fd.error());
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return fail(errno_error("stat " + model.relative.string()));
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::internal, model.relative.string() + " is no ordinary file");
  model.size = {info.st_size};
  auto function = read_json(root, folder + "/function.json");
  if (!function && function.error().code != ErrorCode::not_found) return fail(std::move(function.error()));
  if (function) model.function = *std::move(function);
  return model;
}

}  // namespace

Result<ModelRepository> ModelRepository::open(const fs::path& root) {
  std::error_code error;
  const fs::path real = fs::canonical(root, error);
  if (error) {
    return fail(ErrorCode::not_found, "model repository " + root.string() + ": " + error.message() +
                                          "; create the folder or name another one");
  }
  if (!fs::is_directory(real, error)) {
    return fail(ErrorCode::invalid_argument, "model repository " + root.string() + " is no folder");
  }
  return ModelRepository(real);
}

Result<RepositoryModel> ModelRepository::find(std::string_view name, std::string_view version,
                                              std::string_view ns) const {
  const std::string model(name);
  if (!is_model_name(name)) {
    return fail(ErrorCode::invalid_argument, "'" + model + "' is no model name; it must match [a-z0-9_-]{1,64}");
  }
  if (!version.empty() && !parse_version(version)) {
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(version) + "' is no version of a model; write a whole number from 1");
  }
  const UniqueFd root(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return fail(errno_error("open the model repository " + root_.string()));
  if (const auto folder = open_beneath(root, model, O_PATH | O_DIRECTORY); !folder) {
    if (folder.error().code != ErrorCode::not_found) return fail(folder.error());
    return fail(ErrorCode::not_found, "the model repository has no model '" + model + "'; namespace '" +
                                          std::string(ns) + "' may use: " + joined(permitted_names(root, root_, ns)));
  }
  const auto permitted = is_permitted(root, model, ns);
  if (!permitted) return fail(permitted.error());
  if (!*permitted) {
    return fail(ErrorCode::forbidden, "namespace '" + std::string(ns) + "' may not use model '" + model +
                                          "'; its model.json must name the namespace or say \"public\": true");
  }
  const std::vector<int> versions = versions_in(root_ / model);
  const std::string chosen = !version.empty()   ? std::string(version)
                             : versions.empty() ? ""
                                                : std::to_string(versions.back());
  if (chosen.empty() || std::find(versions.begin(), versions.end(), *parse_version(chosen)) == versions.end()) {
    std::vector<std::string> there;
    for (const int number : versions) there.push_back(std::to_string(number));
    return fail(ErrorCode::not_found, "model '" + model + "' has no version " + (chosen.empty() ? "at all" : chosen) +
                                          "; versions there: " + joined(there));
  }
  return open_model(root, model + '/' + chosen);
}

}  // namespace instainfer::tensors
