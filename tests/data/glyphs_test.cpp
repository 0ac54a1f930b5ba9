#include "ntt/data/glyphs.h"

#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

at::Tensor flat(const at::Tensor& images) {
  return images.flatten(1).to(at::kFloat);
}

TEST(Glyphs, AreDeterministicAndFollowTheSeed) {
  const Dataset first = draw_glyphs(100, 20, 5);
  const Dataset again = draw_glyphs(100, 20, 5);
  const Dataset other = draw_glyphs(100, 20, 6);
  EXPECT_TRUE(first.train_images.equal(again.train_images));
  EXPECT_TRUE(first.test_images.equal(again.test_images));
  for (std::int64_t i = 0; i < 100; ++i) {
    EXPECT_FALSE(first.train_images[i].equal(other.train_images[i])) << i;
  }
}

TEST(Glyphs, DoNotDependOnHowManyAreDrawn) {
  const Dataset few = draw_glyphs(100, 20, 5);
  const Dataset many = draw_glyphs(200, 40, 5);
  EXPECT_TRUE(few.train_images.equal(many.train_images.narrow(0, 0, 100)));
  EXPECT_TRUE(few.test_images.equal(many.test_images.narrow(0, 0, 20)));
}

TEST(Glyphs, HaveTheShapeOfMnistAndBalancedClasses) {
  const Dataset glyphs = load_dataset("glyphs");
  EXPECT_EQ(glyphs.train_images.sizes(), at::IntArrayRef({10000, 1, 28, 28}));
  EXPECT_EQ(glyphs.test_images.sizes(), at::IntArrayRef({2000, 1, 28, 28}));
  EXPECT_EQ(glyphs.train_images.scalar_type(), at::kByte);
  EXPECT_TRUE(at::bincount(glyphs.train_labels).equal(at::full({10}, 1000, at::kLong)));
  EXPECT_TRUE(at::bincount(glyphs.test_labels).equal(at::full({10}, 200, at::kLong)));
  EXPECT_EQ(glyphs.classes, 10);
  EXPECT_EQ(glyphs.class_names.size(), 10U);
}

TEST(Glyphs, AreLightStrokesOnADarkGround) {
  const Dataset glyphs = draw_glyphs(500, 10, 5);
  const at::Tensor pixels = flat(glyphs.train_images);
  EXPECT_GT(std::get<0>(pixels.max(1)).min().item<double>(), 110);
  EXPECT_LT(std::get<0>(pixels.median(1)).max().item<double>(), 60);
  EXPECT_EQ(pixels.min().item<double>(), 0);
  EXPECT_EQ(pixels.max().item<double>(), 255);
  const double mean = pixels.mean().item<double>() / 255;
  EXPECT_GT(mean, 0.05);
  EXPECT_LT(mean, 0.2);
}

TEST(Glyphs, NeverRepeatAnImage) {
  const Dataset glyphs = draw_glyphs(300, 300, 5);
  const at::Tensor images = at::cat({flat(glyphs.train_images), flat(glyphs.test_images)});
  const at::Tensor squares = images.square().sum(1);
  const at::Tensor distances = squares.unsqueeze(1) + squares - 2 * images.matmul(images.t());
  const at::Tensor others = distances + at::eye(600) * 1e9;
  EXPECT_GT(others.min().item<double>(), 1e4);
}

TEST(Glyphs, LookLikeTheirClass) {
  const Dataset glyphs = draw_glyphs(1000, 500, 5);
  const at::Tensor images = flat(glyphs.train_images);
  std::vector<at::Tensor> means;
  for (std::int64_t c = 0; c < 10; ++c) {
    means.push_back(images.index_select(0, glyphs.train_labels.eq(c).nonzero().squeeze(1)).mean(0));
  }
  const at::Tensor mean = at::stack(means);
  const at::Tensor nearness = 2 * flat(glyphs.test_images).matmul(mean.t()) - mean.square().sum(1);
  const double right = nearness.argmax(1).eq(glyphs.test_labels).to(at::kFloat).mean().item<double>();
  EXPECT_GT(right, 0.4) << "the class means tell the classes apart";
  EXPECT_LT(right, 0.9) << "too easy to show anything";
}

TEST(Glyphs, AreAtLeastOneOfEachClass) {
  EXPECT_THAT(input_error([] { draw_glyphs(9, 10); }), HasSubstr("at least 10"));
  EXPECT_THAT(input_error([] { draw_glyphs(10, 9); }), HasSubstr("at least 10"));
}

}  // namespace
}  // namespace ntt
