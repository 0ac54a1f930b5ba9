#include "ntt/train/augmentation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "ntt/core/exceptions.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kSide = 32;

/// Images [n, 2, 32, 32] whose pixels all differ and are never 0.
at::Tensor numbered_images(std::int64_t count) {
  return at::arange(1, count * 2 * kSide * kSide + 1, at::kFloat).view({count, 2, kSide, kSide});
}

at::Tensor augment(const at::Tensor& images, const char* name, std::uint64_t seed = 1, std::int64_t step = 0) {
  return augmented(images, at::arange(images.size(0), at::kLong), parse_augmentation({name}), seed, step);
}

/// The image in a border of kPadding zeros, cropped at (row, column).
at::Tensor crop_of(const at::Tensor& image, std::int64_t row, std::int64_t column) {
  constexpr std::int64_t kPadding = Augmentation::kPadding;
  const at::Tensor padded = at::constant_pad_nd(image, {kPadding, kPadding, kPadding, kPadding});
  return padded.narrow(1, row, kSide).narrow(2, column, kSide);
}

TEST(Augmentation, CropsArePaddedImagesCroppedAtEveryPlace) {
  const at::Tensor images = numbered_images(1000);
  const at::Tensor changed = augment(images, "crop");
  constexpr std::int64_t kPlaces = 2 * Augmentation::kPadding + 1;
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    for (std::int64_t place = 0; place < kPlaces * kPlaces; ++place) {
      if (at::equal(changed[i], crop_of(images[i], place / kPlaces, place % kPlaces))) {
        seen.emplace(place / kPlaces, place % kPlaces);
        break;
      }
      ASSERT_LT(place + 1, kPlaces * kPlaces) << "image " << i << " is no crop";
    }
  }
  EXPECT_EQ(seen.size(), kPlaces * kPlaces);
}

TEST(Augmentation, FlipsAboutHalfOfTheImages) {
  const at::Tensor images = numbered_images(1000);
  const at::Tensor changed = augment(images, "flip");
  int flipped = 0;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const bool same = at::equal(changed[i], images[i]);
    ASSERT_TRUE(same || at::equal(changed[i], images[i].flip({2})));
    flipped += same ? 0 : 1;
  }
  EXPECT_NEAR(flipped, 500, 5 * 16);  // five standard deviations
}

TEST(Augmentation, CutsSquaresOutThatReachOverTheBorder) {
  const at::Tensor images = numbered_images(300);
  const at::Tensor changed = augment(images, "cutout");
  std::set<std::int64_t> sizes;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const at::Tensor gone = changed[i].eq(0);
    EXPECT_TRUE(at::equal(at::where(gone, images[i], changed[i]), images[i])) << "other pixels changed";
    const at::Tensor places = gone[0].nonzero();
    ASSERT_GT(places.size(0), 0);
    ASSERT_TRUE(at::equal(gone[0], gone[1])) << "channels differ";
    const at::Tensor least = std::get<0>(places.min(0));
    const at::Tensor extent = std::get<0>(places.max(0)) - least + 1;
    EXPECT_EQ(extent.prod().item<std::int64_t>(), places.size(0)) << "no rectangle";
    EXPECT_LE(extent.max().item<std::int64_t>(), Augmentation::kCutout);
    EXPECT_GE(extent.min().item<std::int64_t>(), Augmentation::kCutout / 2);
    sizes.insert(extent[0].item<std::int64_t>());
  }
  EXPECT_EQ(sizes.size(), Augmentation::kCutout / 2 + 1) << "from half, at the border, to the whole square";
}

TEST(Augmentation, IsAFunctionOfSeedAndStep) {
  const at::Tensor images = numbered_images(20);
  for (const char* name : {"crop", "flip", "cutout"}) {
    const at::Tensor once = augment(images, name, 1, 7);
    EXPECT_TRUE(at::equal(once, augment(images, name, 1, 7))) << name;
    EXPECT_FALSE(at::equal(once, augment(images, name, 1, 8))) << name;
    EXPECT_FALSE(at::equal(once, augment(images, name, 2, 7))) << name;
  }
}

TEST(Augmentation, TakesTheChosenImagesInTheirOrderAndLeavesThemAlone) {
  const at::Tensor images = numbered_images(5);
  const at::Tensor before = images.clone();
  const at::Tensor chosen = at::tensor({3, 0, 3}, at::kLong);
  const Augmentation all = parse_augmentation({"crop", "flip", "cutout"});
  EXPECT_TRUE(at::equal(augmented(images, chosen, all, 1, 2),
                        augmented(images.index_select(0, chosen), at::arange(3, at::kLong), all, 1, 2)));
  EXPECT_TRUE(at::equal(images, before));
}

TEST(Augmentation, WhatOneDrawsDoesNotDependOnTheOthers) {
  const at::Tensor images = numbered_images(50);
  const at::Tensor both = augmented(images, at::arange(50, at::kLong), parse_augmentation({"crop", "flip"}), 1, 0);
  const at::Tensor flipped = augment(images, "flip");
  EXPECT_TRUE(at::equal(both, augment(flipped, "crop")));
  const at::Tensor cut = augmented(images, at::arange(50, at::kLong), parse_augmentation({"crop", "cutout"}), 1, 0);
  EXPECT_TRUE(at::equal(cut, augment(augment(images, "crop"), "cutout")));
}

TEST(Augmentation, TakesImagesSmallerThanItsShifts) {
  EXPECT_EQ(augment(at::ones({200, 1, 2, 3}), "crop").sizes(), (at::IntArrayRef{200, 1, 2, 3}));
  EXPECT_EQ(at::count_nonzero(augment(at::ones({200, 1, 2, 3}), "cutout")).item<std::int64_t>(), 0);
}

TEST(Augmentation, NamesAreReadBack) {
  EXPECT_FALSE(parse_augmentation({}).any());
  EXPECT_THAT(names_of(parse_augmentation({"cutout", "crop"})), ElementsAre("crop", "cutout"));
  EXPECT_THAT(names_of(parse_augmentation({"flip"})), ElementsAre("flip"));
  EXPECT_THAT(message_of<InputError>([] { parse_augmentation({"crop", "rotate"}); }), HasSubstr("'rotate'"));
}

}  // namespace
}  // namespace ntt
