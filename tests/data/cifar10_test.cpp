#include "ntt/data/cifar10.h"

#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kPixels = 3072;

std::string record(char label, char red, char green, char blue) {
  return std::string(1, label) + std::string(1024, red) + std::string(1024, green) + std::string(1024, blue);
}

class Cifar10Test : public FolderTest {};

TEST_F(Cifar10Test, ReadsLabelAndPlanes) {
  std::string second = record(9, 4, 5, 6);
  second[1 + 1024 + 32] = 77;  // green, row 1, column 0
  write_file(folder_ / "b.bin", record(3, 1, 2, '\xff') + second);
  const LabelledImages batch = read_cifar10_batch(folder_ / "b.bin");
  ASSERT_EQ(batch.images.sizes(), at::IntArrayRef({2, 3, 32, 32}));
  EXPECT_TRUE(batch.images.is_contiguous());
  EXPECT_EQ(batch.labels[0].item<int>(), 3);
  EXPECT_EQ(batch.labels[1].item<int>(), 9);
  EXPECT_EQ(batch.images[0][2][31][31].item<int>(), 255);
  EXPECT_EQ(batch.images[1][1][1][0].item<int>(), 77);
  EXPECT_EQ(batch.images[1][1][0][1].item<int>(), 5);
}

TEST_F(Cifar10Test, TakesTheBatchesThatAreThere) {
  write_file(folder_ / "data_batch_2.bin", record(2, 0, 0, 0));
  write_file(folder_ / "data_batch_5.bin", record(5, 0, 0, 0) + record(6, 0, 0, 0));
  write_file(folder_ / "test_batch.bin", record(1, 0, 0, 0));
  const Dataset dataset = read_cifar10(folder_);
  EXPECT_EQ(dataset.note, "2 of 5 training batches");
  EXPECT_TRUE(dataset.train_labels.equal(at::tensor({2, 5, 6}, at::kLong)));
  EXPECT_EQ(dataset.class_names.size(), 10U);
  for (const int batch : {1, 3, 4}) {
    write_file(folder_ / fmt::format("data_batch_{}.bin", batch), record(0, 0, 0, 0));
  }
  EXPECT_EQ(read_cifar10(folder_).note, "");
}

TEST_F(Cifar10Test, RefusesBrokenBatches) {
  const auto error_for = [&](const std::string& bytes) {
    write_file(folder_ / "b.bin", bytes);
    return input_error([&] { read_cifar10_batch(folder_ / "b.bin"); });
  };
  EXPECT_THAT(error_for(record(0, 0, 0, 0).substr(1)), HasSubstr("has 3072 bytes"));
  EXPECT_THAT(error_for(record(0, 0, 0, 0) + "x"), HasSubstr("multiple of 3073"));
  EXPECT_THAT(error_for(""), HasSubstr("has 0 bytes"));
  EXPECT_THAT(error_for(record(0, 0, 0, 0) + record(10, 0, 0, 0)), HasSubstr("record 1 has label 10"));
  EXPECT_THAT(error_for(std::string(1, '\xff') + std::string(kPixels, 0)), HasSubstr("label 255"));
}

TEST_F(Cifar10Test, RefusesFoldersThatLackAPart) {
  EXPECT_THAT(input_error([&] { read_cifar10(folder_); }), HasSubstr("none of data_batch_1.bin"));
  write_file(folder_ / "data_batch_1.bin", record(0, 0, 0, 0));
  EXPECT_THAT(input_error([&] { read_cifar10(folder_); }), HasSubstr("test_batch.bin"));
}

}  // namespace
}  // namespace ntt
