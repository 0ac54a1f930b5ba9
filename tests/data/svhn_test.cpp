#include "ntt/data/svhn.h"

#include <matio.h>

#include <numeric>

#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::array<std::size_t, 4> kShape{4, 5, 3, 6};  // height, width, channels, images

class SvhnTest : public FolderTest {
 protected:
  std::filesystem::path path_ = folder_ / "train_32x32.mat";

  /// X counts 0, 1, 2, ... in MATLAB's order; nothing is written of a variable whose name is empty.
  void write(const std::vector<double>& labels, matio_compression compression = MAT_COMPRESSION_ZLIB,
             const char* labels_name = "y", matio_classes images_class = MAT_C_UINT8) const {
    mat_t* file = Mat_CreateVer(path_.c_str(), nullptr, MAT_FT_MAT5);
    std::vector<std::uint8_t> pixels(4 * 5 * 3 * 6 * sizeof(double));
    std::iota(pixels.begin(), pixels.end(), std::uint8_t{0});
    auto dims = kShape;
    matvar_t* x = Mat_VarCreate("X", images_class, images_class == MAT_C_UINT8 ? MAT_T_UINT8 : MAT_T_DOUBLE, 4,
                                dims.data(), pixels.data(), 0);
    Mat_VarWrite(file, x, compression);
    Mat_VarFree(x);
    std::array<std::size_t, 2> label_dims{labels.size(), 1};
    std::vector<double> values = labels;
    matvar_t* y = Mat_VarCreate(labels_name, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, label_dims.data(), values.data(), 0);
    Mat_VarWrite(file, y, compression);
    Mat_VarFree(y);
    Mat_Close(file);
  }
  std::string error() const {
    return input_error([&] { read_svhn_file(path_); });
  }
};

TEST_F(SvhnTest, ReadsImagesAndLabels) {
  for (const matio_compression compression : {MAT_COMPRESSION_ZLIB, MAT_COMPRESSION_NONE}) {
    write({1, 2, 10, 9, 5, 10}, compression);
    const LabelledImages read = read_svhn_file(path_);
    ASSERT_EQ(read.images.sizes(), at::IntArrayRef({6, 3, 4, 5}));
    EXPECT_TRUE(read.labels.equal(at::tensor({1, 2, 0, 9, 5, 0}, at::kLong)));
    // MATLAB's X(h,w,c,n) is element h + 4 w + 20 c + 60 n.
    EXPECT_EQ(read.images[0][0][3][0].item<int>(), 3);
    EXPECT_EQ(read.images[0][0][0][4].item<int>(), 16);
    EXPECT_EQ(read.images[1][2][1][3].item<int>(), 60 + 40 + 1 + 12);
    EXPECT_EQ(read.images[5][2][3][4].item<int>(), (300 + 40 + 3 + 16) % 256);
  }
}

TEST_F(SvhnTest, RefusesLabelsOutOfRange) {
  write({1, 2, 11, 9, 5, 10});
  EXPECT_THAT(error(), AllOf(HasSubstr(path_.string()), HasSubstr("label 2 is 11")));
  write({1, 2, 0, 9, 5, 10});
  EXPECT_THAT(error(), HasSubstr("label 2 is 0"));
  write({1, 2, 1.5, 9, 5, 10});
  EXPECT_THAT(error(), HasSubstr("label 2 is 1.5"));
}

TEST_F(SvhnTest, RefusesWrongVariables) {
  write({1, 2, 3});
  EXPECT_THAT(error(), HasSubstr("3 labels for the 6 images"));
  write({1, 2, 3, 4, 5, 6}, MAT_COMPRESSION_ZLIB, "z");
  EXPECT_THAT(error(), HasSubstr("no variable y"));
  write({1, 2, 3, 4, 5, 6}, MAT_COMPRESSION_ZLIB, "y", MAT_C_DOUBLE);
  EXPECT_THAT(error(), HasSubstr("must be uint8"));
}

TEST_F(SvhnTest, RefusesEveryTruncation) {
  for (const matio_compression compression : {MAT_COMPRESSION_ZLIB, MAT_COMPRESSION_NONE}) {
    write({1, 2, 3, 4, 5, 6}, compression);
    const std::string bytes = read_file(path_);
    for (std::size_t length = 0; length < bytes.size(); length += 5) {
      write_file(path_, bytes.substr(0, length));
      EXPECT_FALSE(error().empty()) << length;
    }
  }
}

TEST_F(SvhnTest, RefusesDamageAndTrailingBytes) {
  write({1, 2, 3, 4, 5, 6});
  const std::string bytes = read_file(path_);
  std::string damaged = bytes;
  damaged[200] = static_cast<char>(damaged[200] ^ 0x20);
  write_file(path_, damaged);
  EXPECT_THAT(error(), HasSubstr("damaged compressed data"));
  write_file(path_, bytes + std::string(8, '\x01'));
  EXPECT_THAT(error(), HasSubstr("cut off"));
  write_file(path_, bytes + "abc");
  EXPECT_THAT(error(), HasSubstr("cut off"));
  write_file(path_, std::string(300, 'x'));
  EXPECT_THAT(error(), HasSubstr("no MATLAB 5 file"));
}

TEST_F(SvhnTest, RefusesSizesThatTheFileDoesNotHold) {
  write({1, 2, 3, 4, 5, 6}, MAT_COMPRESSION_NONE);
  std::string bytes = read_file(path_);
  const std::uint32_t images = 6;
  const std::uint32_t claimed = 0x7fffffff;
  const std::string shape("\x04\0\0\0\x05\0\0\0\x03\0\0\0\x06\0\0\0", 16);
  const std::size_t at = bytes.find(shape);
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at + 12, sizeof(images), reinterpret_cast<const char*>(&claimed), sizeof(claimed));
  write_file(path_, bytes);
  EXPECT_THAT(error(), HasSubstr("which the file does not hold"));
  const std::string all(16, '\x7f');  // 2^124 elements
  bytes.replace(at, all.size(), all);
  write_file(path_, bytes);
  EXPECT_THAT(error(), HasSubstr("which the file does not hold"));
}

TEST_F(SvhnTest, RefusesAnEmptyFolder) {
  EXPECT_THAT(input_error([&] { read_svhn(folder_); }), AllOf(HasSubstr(path_.string()), HasSubstr("ntt data fetch")));
}

TEST_F(SvhnTest, LoadsBothParts) {
  write({1, 2, 3, 4, 5, 10});
  EXPECT_THAT(input_error([&] { read_svhn(folder_); }), HasSubstr("test_32x32.mat"));
  std::filesystem::copy_file(path_, folder_ / "test_32x32.mat");
  EXPECT_EQ(read_svhn(folder_).test_labels[5].item<int>(), 0);
}

}  // namespace
}  // namespace ntt
