#include "ntt/train/metrics.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ntt/nn/cross_entropy.h"
#include "ntt/nn/sweeps.h"
#include "tests/train/small_problem.h"

namespace ntt {
namespace {

TEST(Accuracy, IsTheShareOfLargestEntriesAtTheLabel) {
  const at::Tensor outputs = at::tensor({3.0, 1.0, 2.0,   //
                                         0.0, -1.0, 5.0,  //
                                         0.5, 0.75, 0.0,  //
                                         9.0, 8.0, 7.0})
                                 .view({4, 3});
  EXPECT_EQ(accuracy(outputs, at::tensor({0, 2, 1, 0}, at::kLong)), 1.0);
  EXPECT_EQ(accuracy(outputs, at::tensor({0, 2, 0, 1}, at::kLong)), 0.5);
  EXPECT_EQ(accuracy(outputs, at::tensor({1, 0, 0, 1}, at::kLong)), 0.0);
}

TEST(CrossEntropy, IsTheMeanNegativeLogProbability) {
  // softmax of (ln 2, 0, 0) is (1/2, 1/4, 1/4); of equal outputs, thirds.
  const at::Tensor outputs = at::tensor({std::log(2.0), 0.0, 0.0, 7.0, 7.0, 7.0}, at::kDouble).view({2, 3});
  const CrossEntropy result = cross_entropy(outputs, at::tensor({1, 2}, at::kLong));
  EXPECT_NEAR(result.loss, (std::log(4.0) + std::log(3.0)) / 2, 1e-15);
  const at::Tensor expected = at::tensor({0.25, -0.375, 0.125, 1.0 / 6, 1.0 / 6, -1.0 / 3}, at::kDouble).view({2, 3});
  EXPECT_TRUE(at::allclose(result.cotangent, expected, 1e-14, 1e-15));
}

TEST(Top5Accuracy, IsTheShareOfLabelsAmongTheFiveLargest) {
  const at::Tensor outputs = at::tensor({7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0}).expand({4, 7});
  EXPECT_EQ(score(outputs, at::tensor({0, 4, 3, 1}, at::kLong)).top5_accuracy, 1.0);
  EXPECT_EQ(score(outputs, at::tensor({0, 5, 6, 4}, at::kLong)).top5_accuracy, 0.5);
  EXPECT_EQ(score(outputs, at::tensor({0, 5, 6, 4}, at::kLong)).accuracy, 0.25);
  EXPECT_TRUE(std::isnan(score(outputs.narrow(1, 0, 5), at::tensor({0, 1, 2, 3}, at::kLong)).top5_accuracy));
}

TEST(CrossEntropy, WithSmoothedLabelsIsAutogradsOfPyTorch) {
  RandomStream stream(4, "test");
  const at::Tensor outputs = random_normal(stream, {9, 6}, 2.0, at::kDouble).set_requires_grad(true);
  const at::Tensor labels = at::arange(9, at::kLong).remainder(6);
  for (const double smoothing : {0.0, 0.1, 0.7}) {
    const at::Tensor expected = at::cross_entropy_loss(outputs, labels, {}, at::Reduction::Mean, -100, smoothing);
    outputs.mutable_grad() = at::Tensor();
    expected.backward();
    const CrossEntropy result = cross_entropy(outputs.detach(), labels, smoothing);
    EXPECT_NEAR(result.loss, expected.item<double>(), 1e-14);
    EXPECT_TRUE(at::allclose(result.cotangent, outputs.grad(), 1e-13, 1e-15));
  }
}

TEST(CrossEntropy, StaysFiniteForLargeOutputs) {
  const at::Tensor outputs = at::tensor({1e4F, -1e4F}).view({1, 2});
  EXPECT_EQ(cross_entropy(outputs, at::tensor({0}, at::kLong)).loss, 0.0);
  EXPECT_EQ(cross_entropy(outputs, at::tensor({1}, at::kLong)).loss, 2e4);
}

double loss_of(const Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  return cross_entropy(network.predict(inputs), labels).loss;
}

TEST(CrossEntropy, SweepsGiveItsGradientByEveryParameter) {
  Network network = small_network({1, 2, 3}, 5, 4, 0.6, at::kDouble);
  RandomStream stream(1, "test");
  const at::Tensor inputs = random_normal(stream, {7, 1, 2, 3}, 1.0, at::kDouble);
  const at::Tensor labels = at::tensor({0, 1, 2, 3, 3, 1, 0}, at::kLong);
  Tape tape(network);
  Gradients gradients(network);
  const at::Tensor outputs = forward(network, inputs, tape);
  forward_adjoint(network, cross_entropy(outputs, labels).cotangent, tape, gradients);

  constexpr double kStep = 1e-6;
  for (const Parameter* parameter : network.parameters()) {
    auto* weights = parameter->effective.data_ptr<double>();
    const auto* gradient = gradients.of(*parameter).data_ptr<double>();
    for (std::int64_t i = 0; i < parameter->effective.numel(); ++i) {
      const double kept = std::exchange(weights[i], weights[i] + kStep);
      const double above = loss_of(network, inputs, labels);
      weights[i] = kept - kStep;
      const double below = loss_of(network, inputs, labels);
      weights[i] = kept;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-8) << parameter->name << " " << i;
    }
  }
}

TEST(Score, CountsEveryInputOnce) {
  const TrainingData& data = small_glyphs();
  const Network network = glyph_network();
  const at::Tensor outputs = network.predict(data.train_inputs, data.train_inputs.size(0));
  const Score result = score(network.predict(data.train_inputs), data.train_labels);
  EXPECT_EQ(result.accuracy, accuracy(outputs, data.train_labels));
  EXPECT_NEAR(result.loss, cross_entropy(outputs, data.train_labels).loss, 1e-5);
}

}  // namespace
}  // namespace ntt
