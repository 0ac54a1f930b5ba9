#include "ntt/sparse/predictor.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "tests/sparse/count_allocations.h"
#include "tests/sparse/networks.h"

namespace ntt {
namespace {

using testing::HasSubstr;
using namespace testing_support;

TEST(PredictorTest, AnswersAlikeSparseAndDense) {
  for (const std::string& name : sparse_network_names()) {
    SCOPED_TRACE(name);
    const Network network = draw_masked(name, 0.3);
    const Predictor sparse(network.clone(), Execution::sparse);
    const Predictor dense(network.clone(), Execution::dense);
    for (const std::int64_t batch : {1, 5, 40}) {
      const at::Tensor inputs = draw_inputs(network.graph(), batch, 7, at::kFloat);
      EXPECT_LT(relative_error(sparse.predict(inputs), dense.predict(inputs)), 2e-5);
      EXPECT_TRUE(at::equal(sparse.predict(inputs.flatten(1)), sparse.predict(inputs)));
    }
  }
}

TEST(PredictorTest, AnswersNothingWithNothing) {
  const Predictor predictor(draw_masked("lenet", 0.3));
  EXPECT_EQ(predictor.predict(at::zeros({0, 1, 10, 10})).sizes(), (at::IntArrayRef{0, 3}));
}

TEST(PredictorTest, SaysWhatInputsItTakes) {
  const Predictor predictor(draw_masked("lenet", 0.3));
  for (const at::Tensor& inputs : {at::zeros({4, 99}), at::zeros({4, 10, 10, 1}), at::zeros({100}), at::zeros({})}) {
    try {
      predictor.predict(inputs);
      FAIL() << "was accepted";
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("[N, 1, 10, 10] or [N, 100]"));
    }
  }
}

TEST(PredictorTest, AllocatesNothingInSteadyState) {
  const Predictor predictor(draw_masked("residual-cnn", 0.3), Execution::sparse);
  for (const std::int64_t batch : {1, 40}) {
    const at::Tensor inputs = draw_inputs(sparse_network("residual-cnn"), batch, 7, at::kFloat);
    at::Tensor outputs = at::empty({batch, predictor.outputs()});
    const auto answer = [&] { predictor.predict(inputs.data_ptr<float>(), batch, outputs.data_ptr<float>()); };
    answer();
    const std::int64_t before = allocations();
    answer();
    EXPECT_EQ(allocations(), before) << "for a batch of " << batch;
  }
}

TEST(PredictorTest, CountsTheBytesOfItsWeights) {
  const Network network = draw_masked("mlp", 0.3);
  EXPECT_LT(Predictor(network.clone(), Execution::sparse).weight_bytes(1), 4000);
  EXPECT_EQ(Predictor(network.clone(), Execution::dense).weight_bytes(1), 4 * (6 * 7 + 7 + 7 * 5 + 5 + 5 * 3 + 3));
}

}  // namespace
}  // namespace ntt
