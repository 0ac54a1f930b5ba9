#include "ntt/data/catalogue.h"
#include "ntt/data/dataset.h"
#include "ntt/data/fetch.h"
#include "ntt/data/verify.h"
#include "tests/data/files.h"

namespace ntt {
namespace {

/// The published data, where NTT_DATA says that they are here: then they must be.
class RealDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* root = std::getenv("NTT_DATA");
    if (root == nullptr || *root == '\0') {
      GTEST_SKIP() << "NTT_DATA is not set";
    }
  }
};

TEST_F(RealDataTest, MnistIsAsPublished) {
  for (const FileCheck& check : check_files(*find_known_dataset("mnist"), data_root() / "mnist")) {
    EXPECT_TRUE(check.good) << check.name << ": " << check.verdict;
  }
  const Dataset mnist = load_dataset("mnist");
  ASSERT_EQ(mnist.train_images.sizes(), at::IntArrayRef({60000, 1, 28, 28}));
  ASSERT_EQ(mnist.test_images.sizes(), at::IntArrayRef({10000, 1, 28, 28}));
  EXPECT_TRUE(mnist.train_labels.narrow(0, 0, 5).equal(at::tensor({5, 0, 4, 1, 9}, at::kLong)));
  const Standardised standardised = standardise(mnist);
  EXPECT_NEAR(standardised.normalisation.mean[0], 0.1307, 5e-5);
  EXPECT_NEAR(standardised.normalisation.standard_deviation[0], 0.3081, 5e-5);
}

TEST_F(RealDataTest, WhatIsThereAndRightIsNotFetchedAgain) {
  struct Listener : Observer {
    void message(MessageLevel /*level*/, std::string_view text) override { lines.emplace_back(text); }
    std::vector<std::string> lines;
  };
  Listener listener;
  fetch_dataset("mnist", "http://127.0.0.1:1/nobody-answers-here", listener);
  EXPECT_THAT(listener.lines, ::testing::SizeIs(4));
  EXPECT_THAT(listener.lines, ::testing::Each(::testing::EndsWith("already there")));
}

TEST_F(RealDataTest, FashionMnistIsAsPublished) {
  for (const FileCheck& check : check_files(*find_known_dataset("fashion-mnist"), data_root() / "fashion-mnist")) {
    EXPECT_TRUE(check.good) << check.name << ": " << check.verdict;
  }
  const Dataset fashion = load_dataset("fashion-mnist");
  EXPECT_TRUE(at::bincount(fashion.train_labels).equal(at::full({10}, 6000, at::kLong)));
  EXPECT_NEAR(standardise(fashion).normalisation.mean[0], 0.2860, 5e-5);
}

TEST_F(RealDataTest, Cifar10Reads) {
  const Dataset cifar = load_dataset("cifar-10");
  EXPECT_EQ(cifar.train_images.size(0) % 10000, 0);
  EXPECT_TRUE(at::bincount(cifar.test_labels).equal(at::full({10}, 1000, at::kLong)));
  const Standardised standardised = standardise(cifar);
  EXPECT_NEAR(standardised.normalisation.mean[0], 0.4914, 3e-3);  // of all five batches; fewer may be here
  EXPECT_NEAR(standardised.normalisation.mean[2], 0.4465, 3e-3);
}

TEST_F(RealDataTest, Cifar100Reads) {
  const Dataset cifar = load_dataset("cifar-100");
  EXPECT_EQ(cifar.classes, 100);
  EXPECT_EQ(cifar.class_names[0], "apple");
  EXPECT_EQ(cifar.note.empty(), cifar.train_images.size(0) == 50000 && cifar.test_images.size(0) == 10000);
  EXPECT_EQ(std::get<0>(at::_unique(cifar.train_labels)).numel(), 100);
  const Standardised standardised = standardise(cifar);
  EXPECT_NEAR(standardised.normalisation.mean[0], 0.5071, 5e-3);  // of all images; fewer may be here
  EXPECT_NEAR(standardised.normalisation.mean[2], 0.4409, 5e-3);
}

}  // namespace
}  // namespace ntt
