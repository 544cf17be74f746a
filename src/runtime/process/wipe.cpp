#include "process/wipe.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "process/processes.hpp"

namespace instainfer::runtime {

namespace {

/// The helper's real and saved user. A sender may signal a process whose *real or saved* user equals its own real or
/// effective one: with the victim's uid as effective user only, the helper can kill the user's processes but they
/// cannot kill it.
/// One for each victim, or helpers at work side by side would kill each other.
uid_t untouchable_for(uid_t victim) {
  return victim ^ 0xC0000000;
}

constexpr useconds_t kPollMicros = 500;
constexpr int kDeepest = 256;

bool become(uid_t uid) {
  return setgroups(0, nullptr) == 0 && setresgid(uid, uid, uid) == 0 &&
         setresuid(untouchable_for(uid), uid, untouchable_for(uid)) == 0;
}

/// One kill(-1) reaches all of a user's processes at once: a fork under way fails, as its maker has a signal pending
/// (kernel, copy_process()). What remains is to wait until the last of them has ended; it repeats the kill all the
/// same.
void kill_everyone(uid_t uid) {
  kill(-1, SIGKILL);  // answers 0 as long as anybody at all is there, also without permission
  while (!processes_of_user(uid).empty()) {
    usleep(kPollMicros);
    kill(-1, SIGKILL);
  }
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

/// Removes what `uid` owns directly in a directory that all users share.
bool remove_owned(const char* shared, uid_t uid) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(shared), closedir);
  if (!listing) return errno == ENOENT || errno == EACCES;
  bool clean = true;
  while (const dirent* entry = readdir(listing.get())) {
    struct stat status {};
    const int fd = dirfd(listing.get());
    if (fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_uid != uid) continue;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") clean = remove_below(fd, name.c_str(), 0) && clean;
  }
  return clean;
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

bool empty_own_directory(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0) return empty_directory(fd, 0);
  return errno == ENOENT;
}

[[noreturn]] void wipe(uid_t uid, const std::string& directory, int own_directory) {
  // Opened by our own user: the path to it may lead through directories that the worker's user cannot search.
  if (!become(uid)) _exit(2);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  kill_everyone(uid);
  bool clean = own_directory >= 0 ? (fchmod(own_directory, 0700), empty_directory(own_directory, 0))
                                  : empty_own_directory(directory);
  for (const char* shared : {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"}) clean = remove_owned(shared, uid) && clean;
  clean = remove_ipc(uid) && clean;
  _exit(clean ? 0 : 1);
}

}  // namespace

Result<pid_t> start_wipe(std::uint32_t uid, const std::string& directory) {
  const int own_directory = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const pid_t pid = fork();
  if (pid == 0) wipe(uid, directory, own_directory);
  const int fork_errno = errno;
  if (own_directory >= 0) close(own_directory);
  if (pid < 0) return fail(errno_error("fork the wiping helper", fork_errno));
  return pid;
}

bool remove_tree(const std::string& directory) {
  return remove_below(AT_FDCWD, directory.c_str(), 0);
}

}  // namespace instainfer::runtime
