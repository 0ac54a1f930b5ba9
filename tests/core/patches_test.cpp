#include "ntt/core/patches.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "tests/core/convolution_cases.h"
#include "tests/core/numerics.h"

namespace ntt {
namespace {

using Types = testing::Types<float, double>;

template <typename T>
class PatchesTest : public testing::Test {
 protected:
  static constexpr T kUntouched = 12345;

  static std::vector<T> entries(std::int64_t count, std::uint64_t seed) {
    const at::Tensor drawn = draw({count}, seed, c10::CppTypeToScalarType<T>());
    return {drawn.data_ptr<T>(), drawn.data_ptr<T>() + count};
  }

  static at::Tensor tensor(const std::vector<T>& values, at::IntArrayRef shape) {
    return at::tensor(at::ArrayRef<T>(values)).view(shape);
  }
};
TYPED_TEST_SUITE(PatchesTest, Types);

TYPED_TEST(PatchesTest, UnfoldStaysInsideItsArrays) {
  for (const ConvGeometry& g : kConvGeometries) {
    const std::int64_t size = patch_rows(g) * g.positions();
    const std::vector<TypeParam> image = this->entries(g.channels * g.height * g.width, 1);
    // Behind the array's end lies what must not change; before its end, NaN that must all be overwritten.
    std::vector<TypeParam> patches(static_cast<std::size_t>(size + 40), this->kUntouched);
    std::fill(patches.begin(), patches.begin() + size, std::numeric_limits<TypeParam>::quiet_NaN());
    unfold_images(g, 1, image.data(), image.data() + image.size(), patches.data(), patches.data() + size);
    const at::Tensor expected = plain_patches(g, this->tensor(image, {1, g.channels, g.height, g.width}));
    const std::vector<TypeParam> written(patches.begin(), patches.begin() + size);
    EXPECT_TRUE(at::equal(this->tensor(written, expected.sizes()).to(at::kDouble), expected)) << describe(g);
    for (auto entry = patches.begin() + size; entry != patches.end(); ++entry) {
      ASSERT_EQ(*entry, this->kUntouched) << describe(g);
    }
  }
}

TYPED_TEST(PatchesTest, UnfoldReadsOneImageOfMany) {
  for (const ConvGeometry& g : kConvGeometries) {
    const std::int64_t size = g.channels * g.height * g.width;
    std::vector<TypeParam> images = this->entries(3 * size, 1);
    const std::vector<TypeParam> second(images.begin() + size, images.begin() + 2 * size);
    std::fill(images.begin(), images.begin() + size, std::numeric_limits<TypeParam>::quiet_NaN());
    std::fill(images.begin() + 2 * size, images.end(), std::numeric_limits<TypeParam>::quiet_NaN());
    std::vector<TypeParam> patches(static_cast<std::size_t>(patch_rows(g) * g.positions()));
    unfold_images(g, 1, images.data() + size, images.data() + images.size(), patches.data(),
                  patches.data() + patches.size());
    const at::Tensor expected = plain_patches(g, this->tensor(second, {1, g.channels, g.height, g.width}));
    EXPECT_TRUE(at::equal(this->tensor(patches, expected.sizes()).to(at::kDouble), expected)) << describe(g);
  }
}

TYPED_TEST(PatchesTest, ImagesLieSideBySide) {
  constexpr std::int64_t kCount = 3;
  for (const ConvGeometry& g : kConvGeometries) {
    const std::vector<TypeParam> images = this->entries(kCount * g.image_size(), 1);
    std::vector<TypeParam> patches(static_cast<std::size_t>(kCount * patch_rows(g) * g.positions()),
                                   std::numeric_limits<TypeParam>::quiet_NaN());
    unfold_images(g, kCount, images.data(), images.data() + images.size(), patches.data(),
                  patches.data() + patches.size());
    const at::Tensor expected = plain_patches(g, this->tensor(images, {kCount, g.channels, g.height, g.width}));
    const at::Tensor together = this->tensor(patches, {patch_rows(g), kCount, g.positions()}).to(at::kDouble);
    EXPECT_TRUE(at::equal(together.transpose(0, 1), expected)) << describe(g);

    std::vector<TypeParam> sums(images.size());
    fold_images(g, kCount, patches.data(), sums.data());
    const at::Tensor folded = this->tensor(sums, {kCount, g.channels, g.height, g.width});
    EXPECT_LT(error_of(folded, plain_fold(g, expected)), tolerance(c10::CppTypeToScalarType<TypeParam>()))
        << describe(g);
  }
}

TYPED_TEST(PatchesTest, FoldAddsToWhatIsThere) {
  for (const ConvGeometry& g : kConvGeometries) {
    const std::vector<TypeParam> patches = this->entries(patch_rows(g) * g.positions(), 1);
    std::vector<TypeParam> image = this->entries(g.channels * g.height * g.width, 2);
    const at::Tensor before = this->tensor(image, {1, g.channels, g.height, g.width}).to(at::kDouble);
    fold_images(g, 1, patches.data(), image.data());
    const at::Tensor expected = before + plain_fold(g, this->tensor(patches, {1, patch_rows(g), g.positions()}));
    EXPECT_LT(error_of(this->tensor(image, before.sizes()), expected), tolerance(c10::CppTypeToScalarType<TypeParam>()))
        << describe(g);
  }
}

}  // namespace
}  // namespace ntt
