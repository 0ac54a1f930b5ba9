#include "ntt/data/npy_folder.h"

#include <limits>

#include "ntt/io/npy.h"
#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NpyFolderTest : public FolderTest {
 protected:
  void write(const std::string& part, const at::Tensor& images, const at::Tensor& labels) const {
    write_npy(folder_ / (part + "-images.npy"), images);
    write_npy(folder_ / (part + "-labels.npy"), labels);
  }
  void write_good() const {
    write("train", images_, labels_);
    write("test", images_, labels_);
  }
  std::string error() const {
    return input_error([&] { load_dataset(folder_.string()); });
  }

  const at::Tensor labels_ = at::tensor({0, 1, 2, 1}, at::kInt);
  const at::Tensor images_ = at::rand({4, 5});
};

TEST_F(NpyFolderTest, TakesEveryLayout) {
  for (const auto& [stored, loaded] : std::vector<std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>>>{
           {{4, 5}, {4, 5, 1, 1}}, {{4, 2, 3}, {4, 1, 2, 3}}, {{4, 3, 2, 2}, {4, 3, 2, 2}}}) {
    const at::Tensor images = at::rand(stored, at::kDouble);
    write("train", images, labels_);
    write("test", at::rand(stored), labels_.to(at::kByte));
    const Dataset dataset = load_dataset(folder_.string());
    EXPECT_EQ(dataset.train_images.sizes(), at::IntArrayRef(loaded));
    EXPECT_EQ(dataset.train_images.scalar_type(), at::kFloat);
    EXPECT_TRUE(dataset.train_images.flatten().equal(images.to(at::kFloat).flatten()));
    EXPECT_TRUE(dataset.train_labels.equal(labels_.to(at::kLong)));
    EXPECT_EQ(dataset.test_labels.scalar_type(), at::kLong);
    EXPECT_EQ(dataset.classes, 3);
  }
}

TEST_F(NpyFolderTest, KeepsBytesAsBytes) {
  const at::Tensor images = at::arange(20, at::kByte).view({4, 5});
  write("train", images, labels_);
  write("test", images, labels_);
  EXPECT_TRUE(load_dataset(folder_.string()).train_images.flatten().equal(images.flatten()));
}

TEST_F(NpyFolderTest, RefusesAnEmptyFolderAndNamesWhatIsMissing) {
  EXPECT_THAT(error(), HasSubstr((folder_ / "train-images.npy").string()));
  write_good();
  for (const char* name : {"train-images.npy", "train-labels.npy", "test-images.npy", "test-labels.npy"}) {
    std::filesystem::rename(folder_ / name, folder_ / "aside");
    EXPECT_THAT(error(), AllOf(HasSubstr((folder_ / name).string()), HasSubstr("not there")));
    std::filesystem::rename(folder_ / "aside", folder_ / name);
  }
}

TEST_F(NpyFolderTest, RefusesLabelsThatDoNotFit) {
  write_good();
  write("test", images_, labels_.to(at::kFloat));
  EXPECT_THAT(error(), AllOf(HasSubstr("test-labels.npy"), HasSubstr("Float")));
  write("test", images_, labels_.view({2, 2}));
  EXPECT_THAT(error(), AllOf(HasSubstr("test-labels.npy"), HasSubstr("[2,2]")));
  write("test", images_, labels_ + 1);
  EXPECT_THAT(error(), AllOf(HasSubstr("test-labels.npy"), HasSubstr("label 3")));
  write("test", images_, labels_ - 1);
  EXPECT_THAT(error(), AllOf(HasSubstr("test-labels.npy"), HasSubstr("label -1")));
  write("test", images_, labels_.narrow(0, 0, 3));
  EXPECT_THAT(error(), HasSubstr("3 labels for 4 images"));
  write("test", images_, labels_);
  write("train", images_, at::tensor({0, 1, 2, 1000000000}, at::kLong));
  EXPECT_THAT(error(), HasSubstr("number the classes"));
}

TEST_F(NpyFolderTest, RefusesImagesThatDoNotFit) {
  write_good();
  write("test", at::rand({4, 6}), labels_);
  EXPECT_THAT(error(), HasSubstr("one kind"));
  write("test", images_, labels_);
  write("train", at::full({4, 5}, std::numeric_limits<float>::quiet_NaN()), labels_);
  EXPECT_THAT(error(), HasSubstr("finite"));
  write("train", at::full({4, 5}, 1e300, at::kDouble), labels_);
  EXPECT_THAT(error(), HasSubstr("finite"));
  write("train", at::zeros({4, 5}, at::kLong), labels_);
  EXPECT_THAT(error(), HasSubstr("images are Long"));
  write("train", at::zeros({4}), labels_);
  EXPECT_THAT(error(), HasSubstr("[N,F]"));
  write("train", at::zeros({0, 5}), labels_);
  EXPECT_THAT(error(), HasSubstr("at least one image"));
}

TEST_F(NpyFolderTest, RefusesBrokenFiles) {
  write_good();
  const std::filesystem::path path = folder_ / "test-images.npy";
  const std::string bytes = read_file(path);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    write_file(path, bytes.substr(0, length));
    EXPECT_THAT(error(), HasSubstr(path.string())) << length;
  }
  write_file(path, bytes + "x");
  EXPECT_THAT(error(), AllOf(HasSubstr(path.string()), HasSubstr("needs 80 bytes of data and the file has 81")));
  write_file(path, "PK\x03\x04" + bytes.substr(4));
  EXPECT_THAT(error(), AllOf(HasSubstr(path.string()), HasSubstr("is not a .npy file")));
  std::string huge = bytes;
  const std::string shape = "(4, 5), }";
  huge.replace(huge.find(shape), 40, "(4611686018427387904, 4611686018427387904, 9), }");
  huge.resize(bytes.size());
  write_file(path, huge);
  EXPECT_THAT(error(), HasSubstr(path.string()));
}

}  // namespace
}  // namespace ntt
