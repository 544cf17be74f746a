#include "process/wipe.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "instainfer/base/unique_fd.hpp"
#include "process/processes.hpp"

namespace instainfer::runtime {

namespace {

/// The helper's real user. A sender may signal a process whose *real or saved* user equals its own real or effective
/// one: with the victim's uid as effective user only, the helper can kill the user's processes but they cannot kill it.
/// One for each victim, or helpers at work side by side would kill each other.
uid_t untouchable_for(uid_t victim) {
  return victim ^ 0xC0000000;
}

constexpr int kDeepest = 256;

/// Root again, without which there is no way from one victim to the next.
bool become_root() {
  return seteuid(0) == 0;
}

/// The victim as effective user. Root stays the saved user: that gives nobody but root a right to signal the helper.
bool become(uid_t uid) {
  return become_root() && setgroups(0, nullptr) == 0 && setresgid(uid, uid, uid) == 0 &&
         setresuid(untouchable_for(uid), uid, 0) == 0;
}

bool kill_all_of(const std::vector<WipeTarget>& targets) {
  for (const WipeTarget& target : targets) {
    if (!become(target.uid)) return false;
    kill(-1, SIGKILL);  // answers 0 as long as anybody at all is there, also without permission
  }
  return become_root();
}

/// Waits until each of these has ended with all its threads; a zombie that is not yet reaped counts as ended. True if
/// there was anybody to wait for.
bool wait_for_end(const std::vector<pid_t>& processes) {
  bool waited = false;
  for (const pid_t pid : processes) {
    const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process.valid()) continue;  // reaped meanwhile
    pollfd end{process.get(), POLLIN, 0};
    if (poll(&end, 1, 0) == 1) continue;
    waited = true;
    while (poll(&end, 1, -1) < 0 && errno == EINTR) continue;
  }
  return waited;
}

/// One kill(-1) reaches all of a user's processes at once: a fork under way fails, as its maker has a signal pending
/// (kernel, copy_process()). What remains is to wait until the last of them has ended; it repeats the kill all the
/// same.
bool kill_everyone(const std::vector<WipeTarget>& targets) {
  std::vector<std::uint32_t> users;
  for (const WipeTarget& target : targets) users.push_back(target.uid);
  do {
    if (!kill_all_of(targets)) return false;
  } while (wait_for_end(processes_of_users(users)));
  return true;
}

bool remove_below(int directory, const char* name, int depth);

/// Empties an open directory and closes it.
bool empty_directory(int fd, int depth) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(fdopendir(fd), closedir);
  if (!listing) return false;
  bool clean = true;
  while (const dirent* entry = readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    clean = remove_below(dirfd(listing.get()), name.c_str(), depth + 1) && clean;
  }
  return clean;
}

bool remove_below(int directory, const char* name, int depth) {
  if (depth > kDeepest) return false;
  if (unlinkat(directory, name, 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR && errno != EPERM) return false;
  fchmodat(directory, name, 0700, 0);  // only reached for directories: files are gone by now
  const int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || !empty_directory(fd, depth)) return false;
  return unlinkat(directory, name, AT_REMOVEDIR) == 0;
}

/// Removes what `uid` owns in a directory that all users share, and in folders of others there that all may write to.
/// Takes the descriptor.
bool remove_owned_in(int shared, uid_t uid, int depth) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(fdopendir(shared), closedir);
  if (!listing) return false;
  bool clean = true;
  while (const dirent* entry = readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status {};
    const int fd = dirfd(listing.get());
    if (fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (status.st_uid == uid) {
      clean = remove_below(fd, name.c_str(), 0) && clean;
    } else if (S_ISDIR(status.st_mode) && (status.st_mode & S_IWOTH) != 0 && depth < kDeepest) {
      const int inner = openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (inner >= 0) clean = remove_owned_in(inner, uid, depth + 1) && clean;
    }
  }
  return clean;
}

bool remove_owned(const char* shared, uid_t uid) {
  const int fd = open(shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == EACCES;
  return remove_owned_in(fd, uid, 0);
}

/// Columns of /proc/sysvipc/{shm,sem,msg}; the first line names them.
std::vector<int> objects_of(const char* table, uid_t uid) {
  std::ifstream file(table);
  std::vector<std::string> columns;
  std::vector<int> found;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::vector<std::string> fields;
    for (std::string word; words >> word;) fields.push_back(word);
    if (columns.empty()) {
      columns = fields;
      continue;
    }
    int id = -1;
    bool owned = false;
    for (std::size_t i = 0; i < fields.size() && i < columns.size(); ++i) {
      if (columns[i] == "uid" || columns[i] == "cuid") owned = owned || fields[i] == std::to_string(uid);
      if (columns[i].size() > 2 && columns[i].substr(columns[i].size() - 2) == "id" && i == 1)
        id = std::stoi(fields[i]);
    }
    if (owned && id >= 0) found.push_back(id);
  }
  return found;
}

bool remove_ipc(uid_t uid) {
  bool clean = true;
  for (const int id : objects_of("/proc/sysvipc/shm", uid)) clean = shmctl(id, IPC_RMID, nullptr) == 0 && clean;
  for (const int id : objects_of("/proc/sysvipc/sem", uid)) clean = semctl(id, 0, IPC_RMID) == 0 && clean;
  for (const int id : objects_of("/proc/sysvipc/msg", uid)) clean = msgctl(id, IPC_RMID, nullptr) == 0 && clean;
  return clean;
}

/// `own_directory` was opened by our own user: the path to it may lead through directories that the worker's user
/// cannot search. -1 if there is none any more.
bool remove_traces(uid_t uid, int own_directory) {
  if (!become(uid)) return false;
  bool clean = true;
  if (own_directory >= 0) {
    fchmod(own_directory, 0700);
    const int listed = openat(own_directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    clean = listed >= 0 && empty_directory(listed, 0);
  }
  for (const char* shared : {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"}) clean = remove_owned(shared, uid) && clean;
  return remove_ipc(uid) && clean;
}

[[noreturn]] void wipe(const std::vector<WipeTarget>& targets, const std::vector<UniqueFd>& directories) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (!kill_everyone(targets)) _exit(2);
  bool clean = true;
  for (std::size_t i = 0; i < targets.size(); ++i) clean = remove_traces(targets[i].uid, directories[i].get()) && clean;
  _exit(clean ? 0 : 1);
}

}  // namespace

Result<pid_t> start_wipe(const std::vector<WipeTarget>& targets) {
  std::vector<UniqueFd> directories;
  for (const WipeTarget& target : targets) {
    directories.emplace_back(open(target.directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directories.back().valid() && errno != ENOENT) return fail(errno_error("open " + target.directory));
  }
  const pid_t pid = fork();
  if (pid == 0) wipe(targets, directories);
  if (pid < 0) return fail(errno_error("fork the wiping helper"));
  return pid;
}

bool remove_tree(const std::string& directory) {
  return remove_below(AT_FDCWD, directory.c_str(), 0);
}

}  // namespace instainfer::runtime
