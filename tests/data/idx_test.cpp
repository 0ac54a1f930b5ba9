#include "ntt/data/idx.h"

#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class IdxTest : public FolderTest {
 protected:
  std::filesystem::path path_ = folder_ / "some-images";

  std::string images() const {
    return std::string("\0\0\x08\x03", 4) + big_endian(2) + big_endian(1) + big_endian(3) + "\x01\x02\x03\x04\x05\xff";
  }
  std::string error_for(const std::string& bytes, std::int64_t rank = 3) const {
    write_file(path_, bytes);
    return input_error([&] { read_idx(path_, rank); });
  }
};

TEST_F(IdxTest, ReadsPlainAndGzip) {
  for (const std::string& bytes : {images(), gzip(images())}) {
    write_file(path_, bytes);
    const at::Tensor tensor = read_idx(path_, 3);
    ASSERT_EQ(tensor.sizes(), at::IntArrayRef({2, 1, 3}));
    ASSERT_EQ(tensor.scalar_type(), at::kByte);
    EXPECT_EQ(tensor[0][0][0].item<int>(), 1);
    EXPECT_EQ(tensor[1][0][2].item<int>(), 255);
  }
}

TEST_F(IdxTest, ReadsContentLongerThanOneBlock) {
  const std::string pixels(5'000'000, '\x07');
  write_file(path_, gzip(std::string("\0\0\x08\x01", 4) + big_endian(5'000'000) + pixels));
  const at::Tensor tensor = read_idx(path_, 1);
  EXPECT_EQ(tensor.numel(), 5'000'000);
  EXPECT_EQ(tensor.sum().item<std::int64_t>(), 35'000'000);
}

TEST_F(IdxTest, RefusesAWrongMagic) {
  EXPECT_THAT(error_for("PK\x03\x04, a zip archive"),
              AllOf(HasSubstr(path_.string()), HasSubstr("504b0304"), HasSubstr("00000803")));
  EXPECT_THAT(error_for(images(), 1), HasSubstr("1 dimension starts with 00000801"));
}

TEST_F(IdxTest, RefusesTruncation) {
  EXPECT_THAT(error_for(images().substr(0, images().size() - 1)), HasSubstr("6 bytes of data and it holds 5"));
  EXPECT_THAT(error_for(images().substr(0, 9)), HasSubstr("inside its header"));
  EXPECT_THAT(error_for(""), HasSubstr("inside its header"));
  const std::string packed = gzip(images());
  for (std::size_t length = 3; length < packed.size(); ++length) {
    EXPECT_THAT(error_for(packed.substr(0, length)), HasSubstr("cut off")) << length;
  }
}

TEST_F(IdxTest, RefusesTrailingBytes) {
  EXPECT_THAT(error_for(images() + "x"), HasSubstr("holds more"));
  EXPECT_THAT(error_for(gzip(images()) + "x"), HasSubstr("after the end of the gzip data"));
}

TEST_F(IdxTest, RefusesAWrongGzipChecksum) {
  std::string packed = gzip(images());
  packed[packed.size() - 8] = static_cast<char>(packed[packed.size() - 8] ^ 1);
  EXPECT_THAT(error_for(packed), AllOf(HasSubstr("damaged gzip"), HasSubstr("incorrect data check")));
}

TEST_F(IdxTest, RefusesSizesThatCannotBe) {
  const std::string huge = big_endian(0xffffffffU);
  EXPECT_THAT(error_for(std::string("\0\0\x08\x03", 4) + huge + huge + huge), HasSubstr("fit in memory"));
  EXPECT_THAT(error_for(std::string("\0\0\x08\x03", 4) + big_endian(0) + huge + huge), HasSubstr("must be positive"));
  // 2^62 bytes: no overflow, but nothing may be allocated for it either.
  const std::string claim = std::string("\0\0\x08\x03", 4) + big_endian(1U << 31U) + big_endian(1U << 31U);
  EXPECT_THAT(error_for(claim + big_endian(1)), HasSubstr("holds 0"));
}

TEST_F(IdxTest, RefusesAFolderAndAMissingFile) {
  EXPECT_THAT(input_error([&] { read_idx(folder_, 3); }), HasSubstr("no file"));
  EXPECT_THAT(input_error([&] { read_idx(folder_ / "none", 3); }), HasSubstr("none"));
}

}  // namespace
}  // namespace ntt
