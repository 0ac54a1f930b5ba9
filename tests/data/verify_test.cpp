#include "ntt/data/verify.h"

#include "ntt/data/checksum.h"
#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

/// A data set of a gzip file, a plain one and one out of an archive.
class VerifyTest : public FolderTest {
 protected:
  VerifyTest() {
    write_file(folder_ / "content", content_);
    const std::string sha256 = sha256_of_file(folder_ / "content");
    const auto bytes = static_cast<std::int64_t>(content_.size());
    known_ = {"toy",
              "toy",
              "",
              {{"x.gz", 1, "00", sha256}, {"x.mat", bytes, sha256, ""}},
              {"x.gz", "x.mat", "x.bin"},
              {{"x.bin", 30'730'000}}};
  }
  FileCheck check(const std::string& name) const { return check_file(known_, folder_, name); }

  const std::string content_ = "some labels";
  KnownDataset known_;
};

TEST_F(VerifyTest, ComparesContentNotCompression) {
  EXPECT_EQ(check("x.gz").verdict, "missing");
  EXPECT_FALSE(check("x.gz").present);
  write_file(folder_ / "x.gz", gzip(content_));
  EXPECT_TRUE(check("x.gz").good);
  write_file(folder_ / "x.gz", gzip("other labels"));
  EXPECT_TRUE(check("x.gz").present);
  EXPECT_FALSE(check("x.gz").good);
  EXPECT_THAT(check("x.gz").verdict, HasSubstr("should have " + known_.published[0].content_sha256));
  write_file(folder_ / "x.gz", gzip(content_).substr(0, 12));
  EXPECT_THAT(check("x.gz").verdict, HasSubstr("cut off"));
}

TEST_F(VerifyTest, TakesAnUnpackedFileForAPackedOne) {
  write_file(folder_ / "x", content_);
  EXPECT_TRUE(check("x.gz").good);
}

TEST_F(VerifyTest, ComparesPlainFilesByLengthAndChecksum) {
  write_file(folder_ / "x.mat", content_);
  EXPECT_TRUE(check("x.mat").good);
  write_file(folder_ / "x.mat", "soup labels");
  EXPECT_THAT(check("x.mat").verdict, HasSubstr("SHA-256"));
  write_file(folder_ / "x.mat", content_ + "!");
  EXPECT_EQ(check("x.mat").verdict, "has 12 bytes and should have 11");
}

TEST_F(VerifyTest, ComparesFilesOutOfAnArchiveByLength) {
  write_file(folder_ / "x.bin", std::string(30'730'000, '\0'));
  EXPECT_TRUE(check("x.bin").good);
  std::filesystem::resize_file(folder_ / "x.bin", 30'729'999);
  EXPECT_FALSE(check("x.bin").good);
  known_.unpacked_bytes.clear();
  EXPECT_TRUE(check("x.bin").good) << "of unknown length, it is enough that it is there";
}

TEST_F(VerifyTest, ChecksWhatTheReaderWants) {
  const std::vector<FileCheck> checks = check_files(known_, folder_);
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_EQ(checks[2].name, "x.bin");
  EXPECT_EQ(checks[2].verdict, "missing");
}

}  // namespace
}  // namespace ntt
