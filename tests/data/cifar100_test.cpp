#include "ntt/data/cifar100.h"

#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

std::string record(char coarse, char fine, char pixels) {
  return std::string{coarse, fine} + std::string(3072, pixels);
}

class Cifar100Test : public FolderTest {
 protected:
  void write_parts(const std::string& train, const std::string& test) {
    write_file(folder_ / "train.bin", train);
    write_file(folder_ / "test.bin", test);
  }
};

TEST_F(Cifar100Test, ReadsTheFineLabelAndPlanes) {
  std::string second = record(3, 99, 5);
  second[2 + 1024 + 32] = 77;  // green, row 1, column 0
  write_parts(record(11, 42, 7) + second, record(1, 2, 3));
  const Dataset dataset = read_cifar100(folder_);
  EXPECT_EQ(dataset.name, "cifar-100");
  EXPECT_EQ(dataset.classes, 100);
  ASSERT_EQ(dataset.train_images.sizes(), at::IntArrayRef({2, 3, 32, 32}));
  EXPECT_TRUE(dataset.train_labels.equal(at::tensor({42, 99}, at::kLong)));
  EXPECT_TRUE(dataset.test_labels.equal(at::tensor({2}, at::kLong)));
  EXPECT_EQ(dataset.train_images[0][0][0][0].item<int>(), 7);
  EXPECT_EQ(dataset.train_images[1][1][1][0].item<int>(), 77);
  EXPECT_EQ(dataset.train_images[1][2][31][31].item<int>(), 5);
  EXPECT_EQ(dataset.note, "2 of 50000 training images, 1 of 10000 test images");
  EXPECT_TRUE(dataset.class_names.empty());
}

TEST_F(Cifar100Test, TakesTheNamesOfItsClasses) {
  write_parts(record(0, 0, 0), record(0, 0, 0));
  std::string names;
  for (int i = 0; i < 100; ++i) {
    names += fmt::format("class-{}\n", i);
  }
  write_file(folder_ / "fine_label_names.txt", names + "\n");
  EXPECT_EQ(read_cifar100(folder_).class_names[99], "class-99");
  write_file(folder_ / "fine_label_names.txt", "apple\nbear\n");
  EXPECT_THAT(input_error([&] { read_cifar100(folder_); }), HasSubstr("names 2 classes"));
}

TEST_F(Cifar100Test, RefusesBrokenFiles) {
  EXPECT_THAT(input_error([&] { read_cifar100(folder_); }), HasSubstr("train.bin"));
  write_parts(record(0, 0, 0), record(0, 0, 0).substr(1));
  EXPECT_THAT(input_error([&] { read_cifar100(folder_); }), HasSubstr("multiple of 3074"));
  write_parts(record(0, 100, 0), record(0, 0, 0));
  EXPECT_THAT(input_error([&] { read_cifar100(folder_); }), HasSubstr("record 0 has label 100"));
}

}  // namespace
}  // namespace ntt
