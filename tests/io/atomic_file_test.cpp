#include "ntt/io/atomic_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using AtomicFileTest = TemporaryFolderTest;

/// Files of this process may not grow past `bytes` while it lives: writes fail as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &earlier_);
    const rlimit limit{bytes, earlier_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &earlier_);
    std::signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit earlier_{};
};

TEST_F(AtomicFileTest, ReplacesWhatWasThereAndLeavesNothingElse) {
  const auto path = folder_ / "a.txt";
  write_file_atomically(path, "first, longer");
  write_file_atomically(path, std::string_view("new\0!", 5));
  EXPECT_EQ(read(path), std::string("new\0!", 5));
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFileTest, NothingIsSeenBeforeCommit) {
  const auto path = folder_ / "a.txt";
  write(path, "old");
  {
    AtomicFile file(path);
    file.write("ne");
    file.write("w");
    EXPECT_EQ(read(path), "old");
    EXPECT_EQ(files(), 2);
  }
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFileTest, WhatAKilledProcessLeftCanBeRemoved) {
  const pid_t writer = fork();
  if (writer == 0) {
    AtomicFile file(folder_ / "a.txt");
    kill(getpid(), SIGKILL);
  }
  ASSERT_EQ(waitpid(writer, nullptr, 0), writer);
  EXPECT_EQ(files(), 1);
  write(folder_ / fmt::format("a.txt.{}-0.tmp", writer), "of another name");
  write(folder_ / fmt::format(".{}-0.tmp", writer), "of another name");
  const AtomicFile of_a_living_process(folder_ / "b.txt");
  EXPECT_EQ(files(), 4);
  remove_leftovers(folder_);
  EXPECT_EQ(files(), 3);
  EXPECT_FALSE(std::filesystem::exists(folder_ / fmt::format(".a.txt.{}-0.tmp", writer)));
  remove_leftovers(folder_ / "none");
}

TEST_F(AtomicFileTest, FileHasOrdinaryPermissions) {
  const mode_t earlier = umask(022);
  write_file_atomically(folder_ / "a.txt", "x");
  umask(earlier);
  struct stat status {};
  ASSERT_EQ(stat((folder_ / "a.txt").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
}

TEST_F(AtomicFileTest, FullDiskKeepsTheOldFile) {
  const auto path = folder_ / "a.txt";
  write(path, "old");
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = message_of<RunError>([&] { write_file_atomically(path, std::string(5000, 'x')); });
  }
  EXPECT_EQ(message, "cannot write " + path.string() + ": File too large");
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFileTest, DeviceIsWrittenInPlace) {
  write_file_atomically("/dev/null", "x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  const std::string message = message_of<RunError>([] { write_file_atomically("/dev/full", "x"); });
  EXPECT_EQ(message, "cannot write /dev/full: No space left on device");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST_F(AtomicFileTest, MissingFolderIsNamed) {
  const auto path = folder_ / "none" / "a.txt";
  EXPECT_EQ(message_of<RunError>([&] { write_file_atomically(path, "x"); }),
            "cannot write " + path.string() + ": No such file or directory");
}

TEST_F(AtomicFileTest, FolderInTheFilesPlaceStays) {
  const auto path = folder_ / "a.txt";
  std::filesystem::create_directory(path);
  EXPECT_THAT(message_of<RunError>([&] { write_file_atomically(path, "x"); }),
              AllOf(HasSubstr(path.string()), HasSubstr("Is a directory")));
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFileTest, UnwritableFolderIsNamed) {
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const uid_t user = geteuid();
  if (user == 0) {
    ASSERT_EQ(seteuid(65534), 0);  // root may write everywhere, nobody may not
  }
  const auto path = folder_ / "a.txt";
  const std::string message = message_of<RunError>([&] { write_file_atomically(path, "x"); });
  ASSERT_EQ(seteuid(user), 0);
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
  EXPECT_EQ(message, "cannot write " + path.string() + ": Permission denied");
}

}  // namespace
}  // namespace ntt
