#include "ntt/sparse/sparse_network.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "ntt/core/threads.h"
#include "ntt/models/layer_stack.h"
#include "ntt/nn/cross_entropy.h"
#include "ntt/nn/sweeps.h"
#include "tests/sparse/networks.h"

namespace ntt {
namespace {

using namespace testing_support;

/// Rounding of sums of a few hundred float32 products.
constexpr double kRounding = 2e-5;

at::Tensor draw_labels(std::int64_t count, std::int64_t classes) {
  return at::arange(count, at::kLong).mul_(7).remainder_(classes);
}

/// What the dense network in double precision says of the masked weights.
struct Reference {
  Reference(const Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
    Network exact = network.clone();
    exact.to(at::kCPU, at::kDouble);
    Tape tape(exact);
    Gradients by_parameter(exact);
    outputs = forward(exact, inputs.to(at::kDouble), tape);
    const CrossEntropy entropy = cross_entropy(outputs, labels);
    loss = entropy.loss;
    forward_adjoint(exact, entropy.cotangent, tape, by_parameter);
    for (const Parameter* parameter : exact.parameters()) {
      gradients.push_back(parameter->kept_entries(by_parameter.of(*parameter)));
    }
  }

  at::Tensor outputs;
  double loss = 0;
  std::vector<at::Tensor> gradients;  ///< at the kept entries
};

std::vector<at::Tensor> gradients_of(SparseNetwork& network) {
  std::vector<at::Tensor> gradients;
  for (const SparseLayer& layer : network.layers()) {
    gradients.push_back(network.gradient().narrow(0, layer.gradient_at, layer.entries()));
    if (layer.bias_id) {
      gradients.push_back(network.gradient().narrow(0, layer.gradient_at + layer.entries(), layer.outputs));
    }
  }
  return gradients;
}

/// The largest difference, seen against the largest of all gradients.
double gradient_error(const std::vector<at::Tensor>& actual, const std::vector<at::Tensor>& expected) {
  double scale = 1e-30;
  double worst = 0;
  for (const at::Tensor& tensor : expected) {
    scale = tensor.numel() == 0 ? scale : std::max(scale, tensor.abs().max().item<double>());
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (actual[i].numel() != expected[i].numel()) {
      return std::numeric_limits<double>::infinity();
    }
    if (expected[i].numel() > 0) {
      worst = std::max(worst, (actual[i].to(at::kDouble) - expected[i]).abs().max().item<double>());
    }
  }
  return worst / scale;
}

void expect_agreement(const Network& network, std::int64_t batch) {
  const at::Tensor inputs = draw_inputs(network.graph(), batch, 11, at::kFloat);
  const at::Tensor labels = draw_labels(batch, network.outputs());
  const Reference reference(network, inputs, labels);
  SparseNetwork sparse(network, PlanFor::training);
  const SparseNetwork answering(network, PlanFor::inference);
  EXPECT_LT(relative_error(sparse.predict(inputs), reference.outputs), kRounding);
  EXPECT_LT(relative_error(answering.predict(inputs), reference.outputs), kRounding);
  // Twice, as the second pass begins with the buffers that the first one left.
  for (int pass = 0; pass < 2; ++pass) {
    const double loss = sparse.loss_and_gradient(inputs, labels, at::arange(batch, at::kLong));
    EXPECT_NEAR(loss, reference.loss, kRounding * std::max(1.0, reference.loss));
    EXPECT_LT(gradient_error(gradients_of(sparse), reference.gradients), kRounding);
  }
}

class SparseNetworkTest : public testing::TestWithParam<std::string> {};

TEST_P(SparseNetworkTest, AgreesWithTheDenseNetworkAtEveryDensity) {
  for (const double density : {0.0, 0.1, 0.4, 1.0}) {
    SCOPED_TRACE(density);
    Network network = draw(sparse_network(GetParam()), 3, at::kFloat);
    mask_at_random(network, density, 5);
    expect_agreement(network, 23);
  }
}

TEST_P(SparseNetworkTest, AgreesAtEveryBatchSize) {
  Network network = draw(sparse_network(GetParam()), 4, at::kFloat);
  mask_at_random(network, 0.5, 6);
  for (const std::int64_t batch : {1, 2, 8, 15, 16, 17, 64, 257}) {
    SCOPED_TRACE(batch);
    expect_agreement(network, batch);
  }
}

TEST_P(SparseNetworkTest, DoesNotDependOnThreads) {
  Network network = draw(sparse_network(GetParam()), 5, at::kFloat);
  mask_at_random(network, 0.4, 7);
  const at::Tensor inputs = draw_inputs(network.graph(), 70, 12, at::kFloat);
  const at::Tensor labels = draw_labels(70, network.outputs());
  const int before = threads();
  std::vector<at::Tensor> outputs, gradients;
  for (const int count : {1, 2, 3, 5}) {
    set_threads(count);
    SparseNetwork sparse(network, PlanFor::training);
    const SparseNetwork answering(network, PlanFor::inference);
    outputs.push_back(at::cat({answering.predict(inputs), answering.predict(inputs.narrow(0, 0, 16)),
                               answering.predict(inputs.narrow(0, 0, 3)), answering.predict(inputs.narrow(0, 0, 1))}));
    sparse.loss_and_gradient(inputs, labels, at::arange(70, at::kLong));
    gradients.push_back(sparse.gradient().clone());
  }
  set_threads(before);
  for (std::size_t i = 1; i < outputs.size(); ++i) {
    EXPECT_TRUE(at::equal(outputs[i], outputs[0]));
    EXPECT_TRUE(at::equal(gradients[i], gradients[0]));
  }
}

TEST_P(SparseNetworkTest, WithoutMasksKeepsEveryWeight) {
  expect_agreement(draw(sparse_network(GetParam()), 8, at::kFloat), 9);
}

INSTANTIATE_TEST_SUITE_P(EveryNetwork, SparseNetworkTest, testing::ValuesIn(sparse_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

TEST(SparseConvolutionTest, AgreesAtEveryGeometry) {
  for (const std::int64_t size : {5, 8, 13}) {
    for (const std::int64_t kernel : {1, 2, 3, 5}) {
      for (const std::int64_t stride : {1, 2, 3}) {
        for (const std::int64_t padding : {0, 1, 2, 6}) {
          SCOPED_TRACE(testing::Message() << size << " " << kernel << " " << stride << " " << padding);
          LayerStack layers("geometry", {2, size, size + 1});
          layers.conv(3, 1).add("conv2d",
                                {{"out_channels", 4L}, {"kernel", kernel}, {"stride", stride}, {"padding", padding}});
          Network network = draw(layers.flatten().linear(3).finish(), 3, at::kFloat);
          mask_at_random(network, 0.5, 5);
          expect_agreement(network, 5);
        }
      }
    }
  }
}

TEST(SparseNetworkLivenessTest, SkipsWhatNobodyReads) {
  Network network = draw(LayerStack("dead", {4}).linear(5).relu().linear(3).finish(), 3, at::kFloat);
  at::Tensor first = at::ones({5, 4});
  first.select(1, 2).zero_();  // no weight reads input 2
  first.select(0, 1).zero_();  // unit 1 is constant
  at::Tensor second = at::ones({3, 5});
  second.select(1, 3).zero_();  // nothing reads unit 3
  network.parameters()[0]->set_mask(first);
  network.parameters()[2]->set_mask(second);
  const Plan plan = make_plan(network, PlanFor::training);
  EXPECT_EQ(plan.layers[0].forward.rows.size(), 4);
  EXPECT_EQ(plan.layers[0].entries(), 12);
  EXPECT_THAT(plan.input_places.features, testing::ElementsAre(0, 1, 3));
  expect_agreement(network, 6);
}

TEST(SparseNetworkLivenessTest, FollowsUnreadUnitsToTheInputsThatOnlyTheyRead) {
  Network network = draw(LayerStack("chain", {4}).linear(2).linear(2).finish(), 3, at::kFloat);
  network.parameters()[0]->set_mask(at::tensor({1, 1, 0, 0, 0, 0, 1, 1}, at::kFloat).view({2, 4}));
  network.parameters()[2]->set_mask(at::tensor({1, 0, 1, 0}, at::kFloat).view({2, 2}));
  EXPECT_THAT(make_plan(network, PlanFor::inference).input_places.features, testing::ElementsAre(0, 1));
  expect_agreement(network, 6);
}

TEST(SparseNetworkLivenessTest, AnswersWorkFiltersWithoutWeightsOutOnce) {
  const auto conv = [](std::int64_t out) { return Attributes{{"out_channels", out}, {"kernel", 3L}, {"padding", 1L}}; };
  LayerStack layers("empty-filters", {2, 6, 6});
  layers.add("conv2d", conv(4)).relu().add("conv2d", conv(3)).max_pool(2).flatten().linear(3);
  Network network = draw(layers.finish(), 3, at::kFloat);
  mask_at_random(network, 0.6, 5);
  for (const std::size_t weight : {0U, 2U}) {
    at::Tensor mask = network.parameters()[weight]->mask().clone();
    mask.narrow(0, 1, 2).zero_();
    network.parameters()[weight]->set_mask(mask);
  }
  network.parameters()[1]->value.copy_(at::tensor({0.3, 0.5, -0.7, 0.1}));  // one of the two is rectified to nothing
  const Plan plan = make_plan(network, PlanFor::inference);
  EXPECT_EQ(plan.layers[0].forward.rows.size(), 2);
  EXPECT_EQ(plan.layers[0].constants.size(), 2);
  const SparseNetwork answering(network, PlanFor::inference);
  for (const std::int64_t batch : {1, 40, 3, 33}) {
    const at::Tensor inputs = draw_inputs(network.graph(), batch, 11 + static_cast<std::uint64_t>(batch), at::kFloat);
    EXPECT_LT(relative_error(answering.predict(inputs), network.predict(inputs)), kRounding) << batch;
  }
  expect_agreement(network, 18);
}

TEST(SparseNetworkStoreTest, GivesTheWeightsBackAsTheyWere) {
  Network network = draw(sparse_network("residual-cnn"), 3, at::kFloat);
  mask_at_random(network, 0.4, 9);
  for (Parameter* parameter : network.parameters()) {
    parameter->value.copy_(parameter->effective);
  }
  Network copy(network.graph());
  SparseNetwork(network, PlanFor::inference).store(copy);
  EXPECT_TRUE(identical(network, copy));
}

TEST(SparseNetworkThreadsTest, AnswersSeveralThreadsAtOnce) {
  Network network = draw(sparse_network("lenet"), 3, at::kFloat);
  mask_at_random(network, 0.4, 9);
  const SparseNetwork sparse(network, PlanFor::inference);
  const at::Tensor inputs = draw_inputs(network.graph(), 40, 13, at::kFloat);
  const at::Tensor expected = sparse.predict(inputs);
  std::vector<int> same(4);
  std::vector<std::thread> askers;
  for (int& result : same) {
    askers.emplace_back([&] {
      result = 1;
      for (int i = 0; i < 20; ++i) {
        result &= at::equal(sparse.predict(inputs), expected) ? 1 : 0;
      }
    });
  }
  for (std::thread& asker : askers) {
    asker.join();
  }
  EXPECT_THAT(same, testing::Each(1));
}

TEST(SparseNetworkStoreTest, LeavesMasksThatKeepAllAndNoMasksAsTheyWere) {
  Network network = draw(sparse_network("bias-free"), 3, at::kFloat);
  network.parameters()[1]->set_mask(at::ones_like(network.parameters()[1]->value));
  const Network before = network.clone();
  SparseNetwork(network, PlanFor::training).store(network);
  EXPECT_TRUE(identical(network, before));
}

}  // namespace
}  // namespace ntt
