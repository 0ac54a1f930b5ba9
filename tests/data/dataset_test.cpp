#include "ntt/data/dataset.h"

#include <cmath>
#include <limits>

#include "ntt/data/glyphs.h"
#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class MnistFolderTest : public FolderTest {
 protected:
  ScopedVariable root_{"NTT_DATA", folder_.string()};

  void write_part(const std::string& part, const std::string& labels, std::uint32_t width = 2) const {
    const auto count = static_cast<std::uint32_t>(labels.size());
    write_file(folder_ / "mnist" / (part + "-images-idx3-ubyte.gz"),
               gzip(std::string("\0\0\x08\x03", 4) + big_endian(count) + big_endian(2) + big_endian(width) +
                    std::string(count * 2 * width, '\x05')));
    write_file(folder_ / "mnist" / (part + "-labels-idx1-ubyte.gz"),
               gzip(std::string("\0\0\x08\x01", 4) + big_endian(count) + labels));
  }
  static std::string error() {
    return input_error([] { load_dataset("mnist"); });
  }
};

TEST_F(MnistFolderTest, LoadsPackedAndPlainFiles) {
  write_part("train", "\x01\x09\x03");
  write_part("t10k", "\x04");
  const std::filesystem::path packed = folder_ / "mnist" / "t10k-labels-idx1-ubyte.gz";
  write_file(folder_ / "mnist" / "t10k-labels-idx1-ubyte", std::string("\0\0\x08\x01", 4) + big_endian(1) + "\x07");
  std::filesystem::remove(packed);
  const Dataset dataset = load_dataset("mnist");
  EXPECT_EQ(dataset.train_images.sizes(), at::IntArrayRef({3, 1, 2, 2}));
  EXPECT_TRUE(dataset.train_labels.equal(at::tensor({1, 9, 3}, at::kLong)));
  EXPECT_EQ(dataset.test_labels[0].item<int>(), 7);
  EXPECT_EQ(dataset.classes, 10);
}

TEST_F(MnistFolderTest, RefusesPartsThatDoNotAgree) {
  EXPECT_THAT(error(), AllOf(HasSubstr("mnist is not at"), HasSubstr("ntt data fetch mnist")));
  std::filesystem::create_directories(folder_ / "mnist");
  EXPECT_THAT(error(), HasSubstr("train-images-idx3-ubyte.gz: is not there"));
  write_part("train", "\x01\x0a\x03");
  write_part("t10k", "\x04");
  EXPECT_THAT(error(), HasSubstr("label 1 is 10"));
  write_file(folder_ / "mnist" / "train-labels-idx1-ubyte.gz",
             std::string("\0\0\x08\x01", 4) + big_endian(2) + "\x01\x02");
  EXPECT_THAT(error(), HasSubstr("holds 3 images and train-labels-idx1-ubyte.gz 2 labels"));
  write_part("train", "\x01", 3);
  EXPECT_THAT(error(), HasSubstr("1x2x3"));
}

TEST(LoadDataset, NamesTheChoices) {
  EXPECT_THAT(input_error([] { load_dataset("minst"); }), AllOf(HasSubstr("'minst'"), HasSubstr("fashion-mnist")));
  EXPECT_THAT(input_error([] { load_dataset(""); }), HasSubstr("glyphs"));
}

TEST(Standardise, UsesOneMeanAndDeviationAChannel) {
  Dataset dataset;
  dataset.train_images = at::tensor({0, 51, 102, 255, 0, 0, 255, 255}, at::kByte).view({2, 2, 1, 2});
  dataset.test_images = at::tensor({51, 51, 51, 51}, at::kByte).view({1, 2, 1, 2});
  const Standardised result = standardise(dataset);
  // Channel 0 is 0, 51, 0, 0; channel 1 is 102, 255, 255, 255.
  EXPECT_NEAR(result.normalisation.mean[0], 0.05, 1e-12);
  EXPECT_NEAR(result.normalisation.mean[1], 0.85, 1e-12);
  EXPECT_NEAR(result.normalisation.standard_deviation[0], 0.2 * std::sqrt(3.0) / 4, 1e-12);
  EXPECT_NEAR(result.normalisation.standard_deviation[1], 0.6 * std::sqrt(3.0) / 4, 1e-12);
  EXPECT_NEAR(result.train_images[0][0][0][1].item<double>(), 0.15 / result.normalisation.standard_deviation[0], 1e-5);
  EXPECT_NEAR(result.test_images[0][1][0][0].item<double>(), -0.65 / result.normalisation.standard_deviation[1], 1e-5);
}

TEST(Standardise, LeavesFloatsUndividedAndConstantsFinite) {
  Dataset dataset;
  dataset.train_images = at::tensor({10.0F, 7.0F, 20.0F, 7.0F}).view({2, 2, 1, 1});
  dataset.test_images = at::tensor({15.0F, 9.0F}).view({1, 2, 1, 1});
  const Standardised result = standardise(dataset);
  EXPECT_EQ(result.normalisation.mean, (std::vector<double>{15, 7}));
  EXPECT_EQ(result.normalisation.standard_deviation, (std::vector<double>{5, 1}));
  EXPECT_TRUE(result.train_images.flatten().equal(at::tensor({-1.0F, 0.0F, 1.0F, 0.0F})));
  EXPECT_TRUE(result.test_images.flatten().equal(at::tensor({0.0F, 2.0F})));
  dataset.train_images.fill_(std::numeric_limits<float>::infinity());
  EXPECT_THAT(input_error([&] { standardise(dataset); }), HasSubstr("NaN or infinite"));
}

TEST(Standardise, AgreesWithATen) {
  const Dataset glyphs = draw_glyphs(200, 20, 3);
  const Standardised result = standardise(glyphs);
  const at::Tensor scaled = glyphs.train_images.to(at::kDouble) / 255.0;
  EXPECT_NEAR(result.normalisation.mean[0], scaled.mean().item<double>(), 1e-12);
  EXPECT_NEAR(result.normalisation.standard_deviation[0], scaled.std(false).item<double>(), 1e-12);
  EXPECT_NEAR(result.train_images.mean().item<double>(), 0, 1e-4);
}

TEST(Split, PartsAreDisjointCompleteAndDeterministic) {
  const Split split = split_indices(1000, 0.1, 7);
  EXPECT_EQ(split.held_out.size(0), 100);
  EXPECT_TRUE(std::get<0>(at::cat({split.train, split.held_out}).sort()).equal(at::arange(1000, at::kLong)));
  EXPECT_TRUE(split.held_out.equal(split_indices(1000, 0.1, 7).held_out));
  EXPECT_FALSE(split.held_out.equal(split_indices(1000, 0.1, 8).held_out));
  EXPECT_FALSE(split.held_out.equal(at::arange(100, at::kLong)));
}

TEST(Split, SizesAndErrors) {
  EXPECT_EQ(split_indices(60000, 0.002, 1).held_out.size(0), 120);
  EXPECT_EQ(split_indices(10, 0.0, 1).held_out.size(0), 0);
  EXPECT_EQ(split_indices(10, 0.001, 1).held_out.size(0), 1);
  for (const double fraction : {-0.1, 1.0, std::nan("")}) {
    EXPECT_THAT(input_error([&] { split_indices(10, fraction, 1); }), HasSubstr("held-out fraction"));
  }
  EXPECT_THAT(input_error([] { split_indices(1, 0.5, 1); }), HasSubstr("leave none"));
  EXPECT_THAT(input_error([] { split_indices(0, 0.0, 1); }), HasSubstr("leave none"));
}

TEST(EpochOrder, IsAPureFunctionOfSeedAndEpoch) {
  const at::Tensor indices = at::arange(100, 200, at::kLong);
  const at::Tensor order = epoch_order(indices, 1, 5);
  EXPECT_TRUE(std::get<0>(order.sort()).equal(indices));
  EXPECT_TRUE(order.equal(epoch_order(indices, 1, 5)));
  EXPECT_FALSE(order.equal(epoch_order(indices, 1, 6)));
  EXPECT_FALSE(order.equal(epoch_order(indices, 2, 5)));
}

TEST(DataRoot, ComesFromTheEnvironment) {
  {
    const ScopedVariable root("NTT_DATA", "/some/where");
    EXPECT_EQ(data_root(), "/some/where");
  }
  const ScopedVariable root("NTT_DATA", "");
  const ScopedVariable home("HOME", "/home/me");
  EXPECT_EQ(data_root(), "/home/me/.cache/ntt");
}

}  // namespace
}  // namespace ntt
