#include "beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace instainfer::tensors {
namespace {

bool is_link(const UniqueFd& folder, const std::string& name) {
  struct stat info {};
  return ::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
}

/// Component by component, following no link. Sets errno as openat2 would.
UniqueFd open_without_links(const UniqueFd& root, const std::string& relative, int flags) {
  UniqueFd at(::dup(root.get()));
  std::size_t begin = 0;
  while (at.valid()) {
    const std::size_t end = relative.find('/', begin);
    const bool is_last = end == std::string::npos;
    const std::string component = relative.substr(begin, is_last ? end : end - begin);
    if (component == "..") {
      errno = EXDEV;
      return UniqueFd();
    }
    const int wanted = is_last ? flags : O_PATH | O_DIRECTORY;
    UniqueFd next(::openat(at.get(), component.c_str(), wanted | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid() && errno == ENOTDIR) errno = is_link(at, component) ? ELOOP : ENOTDIR;
    at = std::move(next);
    if (is_last) break;
    begin = end + 1;
  }
  return at;
}

}  // namespace

Result<UniqueFd> open_beneath(const UniqueFd& root, const std::string& relative, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root.get(), relative.c_str(), &how, sizeof how)));
  // Before Linux 5.6 there is no such call, and older container runtimes answer EPERM to calls they do not know.
  if (!fd.valid() && (errno == ENOSYS || errno == EPERM)) fd = open_without_links(root, relative, flags);
  if (fd.valid()) return fd;
  if (errno == EXDEV || errno == ELOOP) {
    return fail(ErrorCode::forbidden, "'" + relative + "' is a link that leads out of the model repository");
  }
  return fail(errno_error("open '" + relative + "' in the model repository"));
}

}  // namespace instainfer::tensors
