// What the store promises when the machine lets it down: its process is killed, its disk is full.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "fixture.hpp"
#include "instainfer/base/unique_fd.hpp"

namespace instainfer::store {
namespace {

constexpr int kSkip = 77;

class StoreFaults : public StoreTest {
 protected:
  void SetUp() override { store_.reset(); }  // each test's child opens the file itself

  /// Runs `body` in a process of its own, so that it can be killed or put into a mount namespace.
  template <typename Body>
  static pid_t in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    return child;
  }
};

TEST_F(StoreFaults, KeepsEveryAcknowledgedRecordWhenTheProcessIsKilled) {
  constexpr int acknowledged_before_kill = 500;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  UniqueFd reader(ends[0]), writer(ends[1]);
  const pid_t child = in_child([&] {
    boost::asio::io_context context;
    const auto store = open(file_);
    for (int number = 0;; ++number) {
      if (!wait(context, store->put(record(number)))) return 1;
      if (::write(writer.get(), &number, sizeof number) != sizeof number) return 1;
    }
  });
  ASSERT_GT(child, 0);
  writer.reset();
  int last = -1;
  for (int number = 0; ::read(reader.get(), &number, sizeof number) == sizeof number;) {  // ends when the child is gone
    ASSERT_EQ(number, last + 1);
    last = number;
    if (number == acknowledged_before_kill) ASSERT_EQ(::kill(child, SIGKILL), 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed to write, exit status " << WEXITSTATUS(status);
  ASSERT_GE(last, acknowledged_before_kill);

  const auto store = open(file_);
  for (int number = 0; number <= last; ++number) {
    ASSERT_TRUE(wait(store->get("guest", record(number).activation_id))) << "record " << number << " of " << last;
  }
}

/// A small file system of its own at `where`; false where the machine does not permit one.
bool mount_small_disk(const std::filesystem::path& where) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return ::mount("tmpfs", where.c_str(), "tmpfs", 0, "size=2m") == 0;
}

/// Exit status of the process that fills the disk: 0 if the store behaved.
int fill_the_disk(const std::filesystem::path& disk, Result<void> (*put)(SqliteStore&, int),
                  Result<void> (*get)(SqliteStore&, int)) {
  const auto complain = [](const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    return 1;
  };
  const auto ballast = disk / "ballast";
  std::ofstream(ballast) << std::string(512 * 1024, 'x');
  auto store = SqliteStore::open(disk / "state.sqlite");
  if (!store) return complain(store.error().message);
  int number = 0;
  Result<void> written;
  for (; number < 5000 && written; ++number) written = put(**store, number);
  if (written) return complain("2 MiB never got full");
  if (written.error().code != ErrorCode::unavailable ||
      written.error().message.find("free some space") == std::string::npos) {
    return complain("unclear error: " + written.error().message);
  }
  const int refused = number - 1;
  if (get(**store, refused)) return complain("a refused record can be read");
  std::filesystem::remove(ballast);
  if (const auto again = put(**store, refused); !again)
    return complain("no write after space was freed: " + again.error().message);
  for (int known = 0; known <= refused; ++known) {
    if (const auto read = get(**store, known); !read) return complain(read.error().message);
  }
  return 0;
}

TEST_F(StoreFaults, SaysThatTheDiskIsFullLosesNothingAndGoesOnOnceThereIsRoom) {
  const pid_t child = in_child([&] {
    if (!mount_small_disk(directory_.path())) return kSkip;
    return fill_the_disk(
        directory_.path(),
        [](SqliteStore& store, int number) {
          boost::asio::io_context context;
          auto big = record(number);
          big.logs = {std::string(4000, 'l')};
          return wait(context, store.put(big));
        },
        [](SqliteStore& store, int number) -> Result<void> {
          boost::asio::io_context context;
          const auto found = wait(context, store.get("guest", record(number).activation_id));
          return found ? Result<void>() : fail(found.error());
        });
  });
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kSkip) GTEST_SKIP() << "mounting a small tmpfs is not permitted here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace instainfer::store
