#include "ntt/export/arrays.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ntt/models/layer_stack.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using testing::ElementsAre;

/// Two inputs to three outputs, of which output 1 keeps nothing.
NetworkFile small() {
  NetworkFile file{Network(LayerStack("small", {2}).linear(3).finish()), {{"method", "händisch"}}};
  file.network.parameters()[0]->assign(at::tensor({1.F, -2.F, 3.F, 4.F, 5.F, 6.F}).view({3, 2}));
  file.network.parameters()[0]->set_mask(at::tensor({1.F, 0.F, 0.F, 0.F, 1.F, 1.F}).view({3, 2}));
  file.network.parameters()[1]->assign(at::tensor({7.F, 8.F, 9.F}));
  return file;
}

std::vector<std::string> names(const NamedArrays& arrays) {
  std::vector<std::string> all;
  for (const auto& entry : arrays) {
    all.push_back(entry.first);
  }
  return all;
}

void expect_array(const NamedArrays& arrays, const std::string& name, const at::Tensor& expected) {
  for (const auto& [key, array] : arrays) {
    if (key == name) {
      EXPECT_EQ(array.scalar_type(), expected.scalar_type()) << name;
      EXPECT_TRUE(at::equal(array, expected)) << name << array;
      return;
    }
  }
  ADD_FAILURE() << "no array " << name;
}

TEST(Arrays, OfADenseExportAreParametersMasksAndMetadata) {
  const NamedArrays arrays = dense_arrays(small());
  EXPECT_THAT(names(arrays), ElementsAre("fc1.weight", "fc1.weight_mask", "fc1.bias", "metadata"));
  expect_array(arrays, "fc1.weight", at::tensor({1.F, 0.F, 0.F, 0.F, 5.F, 6.F}).view({3, 2}));
  expect_array(arrays, "fc1.weight_mask", at::tensor({1, 0, 0, 0, 1, 1}).view({3, 2}).to(at::kByte));
  const at::Tensor& metadata = arrays.back().second;
  const std::string text(static_cast<const char*>(metadata.data_ptr()), metadata.nbytes());
  EXPECT_EQ(nlohmann::json::parse(text), (nlohmann::json{{"method", "händisch"}}));
}

TEST(Arrays, OfASparseExportAreThoseCountedByHand) {
  const NamedArrays arrays = csr_arrays(small());
  EXPECT_THAT(names(arrays), ElementsAre("fc1.weight.data", "fc1.weight.indices", "fc1.weight.indptr",
                                         "fc1.weight.shape", "fc1.weight.dense_shape", "fc1.bias", "metadata"));
  expect_array(arrays, "fc1.weight.data", at::tensor({1.F, 5.F, 6.F}));
  expect_array(arrays, "fc1.weight.indices", at::tensor({0, 0, 1}, at::kInt));
  expect_array(arrays, "fc1.weight.indptr", at::tensor({0, 1, 1, 3}, at::kInt));
  expect_array(arrays, "fc1.weight.shape", at::tensor({3, 2}, at::kLong));
  expect_array(arrays, "fc1.bias", at::tensor({7.F, 8.F, 9.F}));
}

TEST(Arrays, OfAConvolutionAreSeenAsAMatrix) {
  const NetworkFile file{testing_support::draw(testing_support::small_network("lenet"), 1, at::kFloat), {}};
  const NamedArrays arrays = csr_arrays(file);
  expect_array(arrays, "conv2.weight.shape", at::tensor({4, 27}, at::kLong));
  expect_array(arrays, "conv2.weight.dense_shape", at::tensor({4, 3, 3, 3}, at::kLong));
  expect_array(arrays, "conv2.weight.data", file.network.parameters()[2]->value.flatten());
}

}  // namespace
}  // namespace ntt
