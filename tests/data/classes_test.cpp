#include "ntt/data/classes.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

/// Image i holds i in its every pixel.
Dataset small_dataset() {
  Dataset dataset;
  dataset.name = "small";
  dataset.train_images = at::arange(6, at::kByte).view({6, 1, 1, 1}).expand({6, 1, 2, 2}).contiguous();
  dataset.train_labels = at::tensor({0, 3, 2, 3, 1, 2}, at::kLong);
  dataset.test_images = dataset.train_images.narrow(0, 0, 3).contiguous();
  dataset.test_labels = dataset.train_labels.narrow(0, 0, 3).contiguous();
  dataset.classes = 4;
  dataset.class_names = {"a", "b", "c", "d"};
  dataset.note = "a few";
  return dataset;
}

TEST(SelectClasses, KeepsTheirImagesInOrderAndLabelsThemAsTheyAreNamed) {
  const Dataset selected = select_classes(small_dataset(), {3, 2});
  EXPECT_EQ(selected.name, "small[3,2]");
  EXPECT_EQ(selected.classes, 2);
  EXPECT_TRUE(at::equal(selected.train_labels, at::tensor({0, 1, 0, 1}, at::kLong)));
  EXPECT_TRUE(
      at::equal(selected.train_images.select(1, 0).select(1, 0).select(1, 0), at::tensor({1, 2, 3, 5}, at::kByte)));
  EXPECT_TRUE(at::equal(selected.test_labels, at::tensor({0, 1}, at::kLong)));
  EXPECT_EQ(selected.test_images.sizes(), at::IntArrayRef({2, 1, 2, 2}));
  EXPECT_EQ(selected.class_names, (std::vector<std::string>{"d", "c"}));
  EXPECT_EQ(selected.note, "a few");
}

TEST(SelectClasses, RefusesWhatIsNoChoice) {
  const auto refusal = [](const std::vector<std::int64_t>& classes) {
    return message_of<InputError>([&] { select_classes(small_dataset(), classes); });
  };
  EXPECT_THAT(refusal({1}), HasSubstr("only class 1 is chosen; give at least two"));
  EXPECT_THAT(refusal({1, 4}), HasSubstr("class 4 is chosen, but the classes of small are 0 to 3"));
  EXPECT_THAT(refusal({-1, 2}), HasSubstr("class -1"));
  EXPECT_THAT(refusal({2, 0, 2}), HasSubstr("class 2 is chosen twice"));
  Dataset dataset = small_dataset();
  dataset.test_labels = at::tensor({0, 0, 0}, at::kLong);
  EXPECT_THAT(message_of<InputError>([&] {
                select_classes(dataset, {1, 2});
              }),
              HasSubstr("small has no test images of the classes 1, 2"));
}

}  // namespace
}  // namespace ntt
