#include "instainfer/base/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <stdexcept>

#include "instainfer/base/unique_fd.hpp"

namespace instainfer {
namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path, Bytes limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("open " + path.string()));
  return read_descriptor(fd.get(), path.string(), limit);
}

Result<std::string> read_descriptor(int fd, std::string_view what, Bytes limit) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return fail(errno_error("stat " + std::string(what)));
  if (info.st_size > limit.count) {
    return fail(ErrorCode::too_large, std::string(what) + " has " + std::to_string(info.st_size) + " bytes, at most " +
                                          std::to_string(limit.count) + " are accepted");
  }
  std::string content(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t filled = 0;
  while (true) {  // files of /proc and /sys say size 0 and have content all the same
    if (filled == content.size()) content.resize(content.size() + 4096);
    const ssize_t got = ::read(fd, content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read " + std::string(what)));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  content.resize(filled);
  return content;
}

Result<void> write_file_atomically(const fs::path& path, std::string_view content) {
  fs::path temporary = path;
  temporary += ".tmp";
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + temporary.string()));
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t put = ::write(fd.get(), content.data() + written, content.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(errno_error("write " + temporary.string()));
    written += static_cast<std::size_t>(put);
  }
  if (::fsync(fd.get()) != 0) return fail(errno_error("fsync " + temporary.string()));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(errno_error("rename to " + path.string()));
  return {};
}

TemporaryDirectory::TemporaryDirectory(std::string_view prefix) {
  std::string pattern = (fs::temp_directory_path() / (std::string(prefix) + "-XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error(errno_error("mkdtemp " + pattern).message);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace instainfer
