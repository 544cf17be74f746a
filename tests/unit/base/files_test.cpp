#include "instainfer/base/files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <fstream>

#include "instainfer/base/unique_fd.hpp"

namespace instainfer {
namespace {

namespace fs = std::filesystem;

TEST(ReadFile, GivesEveryByteBack) {
  const TemporaryDirectory directory;
  const std::string content("a\0b\r\n\xFF", 6);
  ASSERT_TRUE(write_file_atomically(directory.path() / "file", content));
  EXPECT_EQ(read_file(directory.path() / "file"), content);
}

TEST(ReadFile, ReadsFilesThatSayTheyAreEmpty) {
  const auto status = read_file("/proc/self/status");
  ASSERT_TRUE(status);
  EXPECT_NE(status->find("Pid:"), std::string::npos);
}

TEST(ReadFile, SaysWhichFileIsMissingOrTooLong) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "file";
  EXPECT_EQ(read_file(file).error(),
            (Error{ErrorCode::not_found, "open " + file.string() + ": No such file or directory"}));
  ASSERT_TRUE(write_file_atomically(file, "12345"));
  EXPECT_EQ(read_file(file, Bytes{5}), "12345");
  EXPECT_EQ(read_file(file, Bytes{4}).error(),
            (Error{ErrorCode::too_large, file.string() + " has 5 bytes, at most 4 are accepted"}));
  EXPECT_FALSE(read_file(directory.path())) << "a folder is no file";
}

TEST(ReadDescriptor, ReadsFromThePresentPosition) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "file", "12345"));
  const UniqueFd fd(::open((directory.path() / "file").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::lseek(fd.get(), 2, SEEK_SET), 2);
  EXPECT_EQ(read_descriptor(fd.get(), "file", Bytes{100}), "345");
  EXPECT_EQ(read_descriptor(-1, "file", Bytes{100}).error().message, "stat file: Bad file descriptor");
}

TEST(WriteFileAtomically, ReplacesTheContentAndLeavesNothingBeside) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "file";
  ASSERT_TRUE(write_file_atomically(file, "a long first content"));
  ASSERT_TRUE(write_file_atomically(file, "second"));
  EXPECT_EQ(read_file(file), "second");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()), 1);
}

TEST(WriteFileAtomically, KeepsTheOldContentWhenItCannotWrite) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "file";
  ASSERT_TRUE(write_file_atomically(file, "old"));
  fs::create_directory(directory.path() / "file.tmp");  // in the way of the temporary file
  EXPECT_FALSE(write_file_atomically(file, "new"));
  EXPECT_EQ(read_file(file), "old");
  EXPECT_FALSE(write_file_atomically(directory.path() / "missing" / "file", "new"));
}

TEST(TemporaryDirectory, GoesWithAllItHolds) {
  fs::path path;
  {
    const TemporaryDirectory directory("base-test");
    path = directory.path();
    fs::create_directories(path / "deep" / "er");
    std::ofstream(path / "deep" / "file") << "x";
    EXPECT_EQ(path.filename().string().rfind("base-test-", 0), 0u);
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(UniqueFd, ClosesWhatItOwnsOnceAndOnlyThat) {
  const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    UniqueFd first(raw);
    UniqueFd second(std::move(first));
    EXPECT_FALSE(first.valid());
    EXPECT_EQ(second.get(), raw);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

}  // namespace
}  // namespace instainfer
