#include "torch/action_files.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>

#include <array>
#include <filesystem>
#include <memory>

#include "instainfer/base/bytes.hpp"
#include "instainfer/base/unique_fd.hpp"

namespace instainfer::runtime {

namespace {

namespace fs = std::filesystem;

constexpr int kFileLimit = 1024;
constexpr Bytes kContentLimit{std::int64_t{2} << 30};

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

tl::unexpected<Error> refuse(std::string sentence) {
  return fail(ErrorCode::invalid_argument, "the action's zip file cannot be used: " + std::move(sentence));
}

/// Why the library cannot go on reading: it says "unrecognized format" of a zip whose end is missing too.
Error unreadable(archive* reader, const std::string& zip) {
  const char* detail = archive_error_string(reader);
  const std::string reason = detail == nullptr ? "" : std::string(": ") + detail;
  const bool began_as_zip = zip.compare(0, 2, "PK") == 0;
  const std::string what =
      began_as_zip ? "the action's zip file is truncated or damaged" : "the action's code is not a zip file";
  return {ErrorCode::invalid_argument, what + reason};
}

bool stays_inside(const fs::path& name) {
  if (name.empty() || name.is_absolute()) return false;
  for (const fs::path& part : name) {
    if (part == "..") return false;
  }
  return true;
}

Result<void> unpack_file(archive* reader, const std::string& zip, const fs::path& name, Bytes& left) {
  std::error_code failed;
  if (name.has_parent_path()) fs::create_directories(name.parent_path(), failed);
  const UniqueFd file(open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return fail(errno_error("make " + name.string()));
  std::array<char, 64 * 1024> chunk{};
  for (;;) {
    const la_ssize_t size = archive_read_data(reader, chunk.data(), chunk.size());
    if (size == 0) return {};
    if (size < 0) return fail(unreadable(reader, zip).in(name.string()));
    left -= Bytes{size};
    if (left < Bytes{}) return refuse("it holds more than " + to_string(kContentLimit));
    if (write(file.get(), chunk.data(), static_cast<std::size_t>(size)) != size)
      return fail(errno_error("write " + name.string()));
  }
}

}  // namespace

Result<void> unpack_zip(const std::string& zip) {
  const Archive reader(archive_read_new(), archive_read_free);
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_memory(reader.get(), zip.data(), zip.size()) != ARCHIVE_OK) {
    return fail(unreadable(reader.get(), zip));
  }
  Bytes left = kContentLimit;
  int files = 0;
  archive_entry* entry = nullptr;
  for (;;) {
    const int next = archive_read_next_header(reader.get(), &entry);
    if (next == ARCHIVE_EOF) return {};
    if (next != ARCHIVE_OK && next != ARCHIVE_WARN) return fail(unreadable(reader.get(), zip));
    const char* path = archive_entry_pathname(entry);
    const fs::path name = path == nullptr ? "" : path;
    if (!stays_inside(name)) return refuse("the name \"" + name.string() + "\" leads out of its folder");
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    if (archive_entry_size_is_set(entry) != 0 && Bytes{archive_entry_size(entry)} > left)
      return refuse("it holds more than " + to_string(kContentLimit));
    if (++files > kFileLimit) return refuse("it holds more than " + std::to_string(kFileLimit) + " files");
    if (auto unpacked = unpack_file(reader.get(), zip, name, left); !unpacked) return unpacked;
  }
}

}  // namespace instainfer::runtime
