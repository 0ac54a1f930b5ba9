#include "ntt/nn/network.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "ntt/models/zoo.h"
#include "ntt/nn/sweeps.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace ntt {
namespace {

using namespace testing_support;

std::vector<at::Tensor> values_of(const Network& network) {
  std::vector<at::Tensor> values;
  for (const auto& parameter : network.all_parameters()) {
    values.push_back(parameter->value.clone());
    values.push_back(parameter->effective.clone());
    if (parameter->pattern) {
      values.push_back(parameter->mask().clone());
    }
  }
  return values;
}

void expect_equal(const std::vector<at::Tensor>& actual, const std::vector<at::Tensor>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_TRUE(at::equal(actual[i], expected[i])) << i;
  }
}

Graph published(const char* model) {
  return zoo_model(model, published_input(model), 10);
}

std::int64_t parameter_count(const Graph& graph) {
  std::int64_t count = 0;
  for (const ParameterSpec& parameter : graph.parameters) {
    count += entries(parameter.shape);
  }
  return count;
}

TEST(Zoo, HasThePublishedNumbersOfParameters) {
  EXPECT_EQ(parameter_count(published("lenet-300-100")), 266'610);
  EXPECT_EQ(parameter_count(published("lenet-5-caffe")), 431'080);
  EXPECT_EQ(parameter_count(published("conv-4")), 1'904'202);
}

TEST(Zoo, HasThePublishedShapes) {
  const auto shapes = [](const char* model) {
    std::vector<Shape> result;
    const Network network(published(model));
    for (const Parameter* parameter : network.parameters()) {
      if (parameter->prunable) {
        result.push_back(parameter->shape);
      }
    }
    return result;
  };
  EXPECT_EQ(shapes("lenet-300-100"), (std::vector<Shape>{{300, 784}, {100, 300}, {10, 100}}));
  EXPECT_EQ(shapes("lenet-5-caffe"), (std::vector<Shape>{{20, 1, 5, 5}, {50, 20, 5, 5}, {500, 800}, {10, 500}}));
  EXPECT_EQ(
      shapes("conv-4"),
      (std::vector<Shape>{{64, 3, 3, 3}, {64, 64, 3, 3}, {128, 64, 3, 3}, {128, 128, 3, 3}, {512, 3200}, {10, 512}}));
}

TEST(Zoo, ComputesWhatItsLayersSay) {
  for (const char* model : {"lenet-300-100", "lenet-5-caffe", "conv-4"}) {
    SCOPED_TRACE(model);
    const Graph graph = published(model);
    Network network = draw(graph, 1, at::kDouble);
    mask_at_random(network, 0.3, 2);
    const at::Tensor inputs = draw_inputs(graph, 3, 1);
    EXPECT_LT(relative_error(network.predict(inputs),
                             oracle::forward(graph, oracle::leaves_of(network).effective, inputs).detach()),
              1e-12);
    network.to(at::kCPU, at::kFloat);
    EXPECT_LT(relative_error(network.predict(inputs.to(at::kFloat)), network.predict(inputs.to(at::kFloat), 1)), 1e-5);
  }
}

TEST(Network, PredictAltersNoParameter) {
  for (const Graph& graph : small_networks()) {
    SCOPED_TRACE(graph.name);
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      for (const bool masked : {false, true}) {
        Network network = draw(graph, 1, dtype);
        if (masked) {
          mask_at_random(network, 0.5, 2);
        }
        const std::vector<at::Tensor> before = values_of(network);
        const at::Tensor inputs = draw_inputs(graph, 7, 3, dtype);
        const at::Tensor inputs_before = inputs.clone();
        const at::Tensor expected = network.predict(inputs);
        for (const std::int64_t batch_size : {1, 2, 3, 6, 7, 100}) {
          // Batches of one are where a broadcast parameter would be the output itself.
          EXPECT_LT(relative_error(network.predict(inputs, batch_size), expected), dtype == at::kFloat ? 1e-5 : 1e-13);
          expect_equal(values_of(network), before);
        }
        EXPECT_TRUE(at::equal(inputs, inputs_before));
      }
    }
  }
}

TEST(Network, SweepsAlterNoParameterEvenForOneInput) {
  for (const Graph& graph : small_networks()) {
    SCOPED_TRACE(graph.name);
    for (const std::int64_t count : {1, 3}) {
      Network network = draw(graph, 1);
      const std::vector<at::Tensor> before = values_of(network);
      const at::Tensor inputs = draw_inputs(graph, count, 3);
      const at::Tensor inputs_before = inputs.clone();
      RandomStream stream(4, "test-cotangents");
      const at::Tensor probes = random_normal(stream, {count, 2, network.outputs()}, 1, at::kDouble);
      const at::Tensor probes_before = probes.clone();
      const at::Tensor cotangent = random_normal(stream, {count, network.outputs()}, 1, at::kDouble);
      const at::Tensor cotangent_before = cotangent.clone();
      Tape tape(network, {Statistics::running, true});
      Gradients gradients(network);
      const at::Tensor outputs = forward(network, inputs, tape);
      const at::Tensor outputs_before = outputs.clone();
      pullback(network, probes, tape);
      pullback_adjoint(network, tape, gradients);
      forward_adjoint(network, cotangent, tape, gradients);
      expect_equal(values_of(network), before);
      expect_equal({inputs, probes, cotangent, outputs},
                   {inputs_before, probes_before, cotangent_before, outputs_before});
    }
  }
}

TEST(Network, CloneSharesNothing) {
  for (const Graph& graph : small_networks()) {
    SCOPED_TRACE(graph.name);
    Network network = draw(graph, 1);
    mask_at_random(network, 0.5, 2);
    const Network copy = network.clone();
    const std::vector<at::Tensor> before = values_of(network);
    expect_equal(values_of(copy), before);
    EXPECT_EQ(copy.density(), network.density());
    EXPECT_EQ(copy.graph(), network.graph());
    for (std::size_t i = 0; i < network.all_parameters().size(); ++i) {
      EXPECT_EQ(copy.all_parameters()[i]->name, network.all_parameters()[i]->name);
      EXPECT_EQ(copy.all_parameters()[i]->prunable, network.all_parameters()[i]->prunable);
    }
    for (const auto& parameter : network.all_parameters()) {
      parameter->value.fill_(5);
      parameter->refresh();
      parameter->set_mask({});
    }
    expect_equal(values_of(copy), before);
  }
}

TEST(Network, PredictsNothingForNoInputs) {
  for (const char* name : {"mlp", "lenet", "residual-cnn"}) {
    const Graph& graph = small_network(name);
    EXPECT_EQ(draw(graph, 1).predict(draw_inputs(graph, 0, 1)).sizes(), (at::IntArrayRef{0, 3})) << name;
  }
}

TEST(Network, PredictTakesInputsOfAnyLayout) {
  const Graph& graph = small_network("strided");
  const Network network = draw(graph, 1);
  const at::Tensor inputs = draw_inputs(graph, 4, 1);
  const at::Tensor turned = inputs.permute({2, 3, 1, 0}).contiguous().permute({3, 2, 0, 1});
  ASSERT_FALSE(turned.is_contiguous());
  EXPECT_TRUE(at::equal(network.predict(turned, 3), network.predict(inputs, 3)));
}

TEST(Network, ToConvertsValuesAndMasks) {
  const Graph& graph = small_network("lenet");
  Network network = draw(graph, 1);
  mask_at_random(network, 0.5, 2);
  const std::vector<at::Tensor> before = values_of(network);
  const double density = network.density();
  network.to(at::kCPU, at::kFloat);
  EXPECT_EQ(network.dtype(), at::kFloat);
  EXPECT_EQ(network.device(), at::Device(at::kCPU));
  EXPECT_EQ(network.density(), density);
  const std::vector<at::Tensor> after = values_of(network);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(at::equal(after[i], before[i].to(at::kFloat)));
  }
  for (const auto& parameter : network.all_parameters()) {
    EXPECT_EQ(parameter->pattern != nullptr, parameter->prunable);
    EXPECT_TRUE(!parameter->pattern || parameter->mask().scalar_type() == at::kFloat);
  }
}

TEST(Network, DensityCountsWeightsAlone) {
  Network network = draw(small_network("one-linear"), 1);  // 15 weights, 3 biases
  EXPECT_EQ(network.density(), 1);
  at::Tensor mask = at::ones({3, 5}, at::kDouble);
  mask[0].zero_();
  mask[1][2] = 0;
  network.parameters()[0]->set_mask(mask);
  EXPECT_DOUBLE_EQ(network.density(), 9.0 / 15);
  network.parameters()[0]->set_mask(at::zeros({3, 5}, at::kDouble));
  EXPECT_EQ(network.density(), 0);
}

}  // namespace
}  // namespace ntt
