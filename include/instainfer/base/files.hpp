#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/result.hpp"

namespace instainfer {

/// The whole file as bytes; refuses one longer than `limit` before reading it.
Result<std::string> read_file(const std::filesystem::path& path, Bytes limit = Bytes{1LL << 40});

/// The same for an open file, from its present position; `what` names it in errors.
Result<std::string> read_descriptor(int fd, std::string_view what, Bytes limit);

/// Replaces the file atomically (temporary file, fsync, rename): a crash leaves the old or the new content.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// A fresh directory under the system's temporary folder, removed with all it holds at scope end.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(std::string_view prefix = "instainfer");
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace instainfer
