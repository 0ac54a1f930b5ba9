#include "ntt/nn/adam.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

/// Gradients that are a function of the step alone.
Gradients draw_gradients(const Network& network, std::uint64_t step) {
  Gradients gradients(network);
  RandomStream stream(1, "test-gradients", step);
  for (const Parameter* parameter : network.parameters()) {
    gradients.of(*parameter).copy_(random_normal(stream, parameter->shape, 1.0, network.dtype()));
  }
  return gradients;
}

/// Algorithm 1 of the paper, with the gradient that the header promises, in whole tensors.
class TextbookAdam {
 public:
  explicit TextbookAdam(const Network& network) {
    for (const Parameter* parameter : network.parameters()) {
      values.push_back(parameter->value.to(at::kDouble, false, true));
      first_.push_back(at::zeros_like(values.back()));
      second_.push_back(at::zeros_like(values.back()));
    }
  }

  void step(const Network& network, const Gradients& gradients, double weight_decay, double learning_rate) {
    ++steps_;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Parameter& parameter = *network.parameters()[i];
      const at::Tensor mask = parameter.pattern ? parameter.mask().to(at::kDouble) : at::ones_like(values[i]);
      // d/dw of weight_decay * ||m w||^2 is 2 * weight_decay * m * w.
      const double decay = parameter.role == Role::weight ? 2 * weight_decay : 0;
      const at::Tensor g = mask * (gradients.of(parameter).to(at::kDouble) + decay * mask * values[i]);
      first_[i] = kBeta1 * first_[i] + (1 - kBeta1) * g;
      second_[i] = kBeta2 * second_[i] + (1 - kBeta2) * g * g;
      const at::Tensor first_hat = first_[i] / (1 - std::pow(kBeta1, steps_));
      const at::Tensor second_hat = second_[i] / (1 - std::pow(kBeta2, steps_));
      values[i] = values[i] - learning_rate * first_hat / (second_hat.sqrt() + kEpsilon);
    }
  }

  std::vector<at::Tensor> values;

 private:
  int steps_ = 0;
  std::vector<at::Tensor> first_;
  std::vector<at::Tensor> second_;
};

double error_after(Network& network, int steps, double weight_decay, int change_mask_at = 0, double density = 0.5) {
  Adam adam(network, 1e-2);
  TextbookAdam expected(network);
  for (int step = 1; step <= steps; ++step) {
    if (step == change_mask_at) {
      mask_at_random(network, density, 77);
    }
    const Gradients gradients = draw_gradients(network, static_cast<std::uint64_t>(step));
    const double rate = 1e-2 * (1 + std::cos(step));  // of every step another
    adam.set_learning_rate(rate);
    adam.step(gradients, weight_decay);
    expected.step(network, gradients, weight_decay, rate);
  }
  EXPECT_EQ(adam.steps(), steps);
  adam.settle();
  std::vector<at::Tensor> values;
  for (const Parameter* parameter : network.parameters()) {
    values.push_back(parameter->value);
    EXPECT_TRUE(
        at::equal(parameter->effective, parameter->pattern ? parameter->value * parameter->mask() : parameter->value));
  }
  return relative_error(values, expected.values);
}

TEST(Adam, IsTheTextbooksOverManySteps) {
  for (const double weight_decay : {0.0, 0.05}) {
    for (const char* name : {"mlp", "lenet", "residual-bn", "tied"}) {
      SCOPED_TRACE(name);
      Network dense = draw(small_network(name), 1);
      EXPECT_LT(error_after(dense, 200, weight_decay), 1e-11);
      Network masked = draw(small_network(name), 1);
      mask_at_random(masked, 0.4, 2);
      EXPECT_LT(error_after(masked, 200, weight_decay), 1e-11);
      masked.to(at::kCPU, at::kFloat);
      EXPECT_LT(error_after(masked, 200, weight_decay), 1e-3);
      Network keeping_few = draw(small_network(name), 1);
      mask_at_random(keeping_few, 0.1, 2);
      EXPECT_LT(error_after(keeping_few, 200, weight_decay), 1e-11);
    }
  }
}

TEST(Adam, CarriesItsMomentsOnWhenMasksChange) {
  Network network = draw(small_network("mlp"), 1);
  mask_at_random(network, 0.4, 2);
  EXPECT_LT(error_after(network, 100, 0.05, 50), 1e-11);
  EXPECT_LT(error_after(network, 100, 0.05, 50, 0.1), 1e-11) << "from half of the weights to few";
  EXPECT_LT(error_after(network, 100, 0.05, 50, 0.4), 1e-11) << "from few back to more";
  EXPECT_LT(error_after(network, 100, 0.05, 30, 0.05), 1e-11);
}

TEST(Adam, SettlingOftenOrOnceIsTheSameToTheBit) {
  Network often = draw(small_network("lenet"), 1, at::kFloat);
  mask_at_random(often, 0.4, 2);
  Network once = often.clone();
  Adam settled(often, 1e-2);
  Adam left(once, 1e-2);
  for (std::uint64_t step = 0; step < 40; ++step) {
    if (step % 15 == 5) {
      mask_at_random(often, 0.1, step);
      mask_at_random(once, 0.1, step);
    }
    const Gradients gradients = draw_gradients(often, step);
    settled.step(gradients, 0.01);
    settled.settle();
    left.step(gradients, 0.01);
  }
  EXPECT_FALSE(identical(often, once)) << "nothing was put off, so nothing was tried";
  left.settle();
  EXPECT_TRUE(identical(often, once));
}

TEST(Adam, DecaysWeightsAndNotBiases) {
  Network network = draw(small_network("one-linear"), 1);
  const at::Tensor weight = network.parameters()[0]->value.clone();
  const at::Tensor bias = network.parameters()[1]->value.clone();
  Adam(network, 1e-2).step(Gradients(network), 0.1);
  EXPECT_TRUE(at::allclose(network.parameters()[0]->value, weight - 1e-2 * weight.sign(), 1e-6, 1e-6))
      << "Adam's first step is the learning rate against the gradient's sign";
  EXPECT_TRUE(at::equal(network.parameters()[1]->value, bias));
}

TEST(Adam, DecaysWeightsThatAreLeftOutOfPruningToo) {
  Network network = draw(small_network("residual-bn"), 1);
  std::vector<at::Tensor> before;
  for (Parameter* parameter : network.parameters()) {
    parameter->prunable = false;
    before.push_back(parameter->value.clone());
  }
  Adam(network, 1e-2).step(Gradients(network), 0.1);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Parameter& parameter = *network.parameters()[i];
    EXPECT_EQ(at::equal(parameter.value, before[i]), parameter.role != Role::weight) << parameter.name;
  }
}

class AdamFileTest : public TemporaryFolderTest {
 protected:
  static void take_steps(Network& network, Adam& adam, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t step = from; step < to; ++step) {
      adam.step(draw_gradients(network, step), 0.01);
    }
  }

  std::filesystem::path path() const { return folder_ / "checkpoint.safetensors"; }
};

TEST_F(AdamFileTest, AResumedRunIsBitIdentical) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    for (const bool masked : {false, true}) {
      Network network = draw(small_network("lenet"), 1, dtype);
      if (masked) {
        mask_at_random(network, 0.4, 2);
      }
      Adam adam(network, 1e-3);
      take_steps(network, adam, 0, 10);
      TensorFile checkpoint;
      adam.save(checkpoint);
      write_safetensors(path(), checkpoint);
      take_steps(network, adam, 10, 20);

      Network resumed_network = draw(small_network("lenet"), 99, dtype);
      mask_at_random(resumed_network, 0.9, 98);
      Adam resumed(resumed_network, 1e-3);
      resumed.load(read_safetensors(path()));
      EXPECT_EQ(resumed.steps(), 10);
      EXPECT_EQ(resumed_network.parameters()[0]->mask().defined(), masked);
      take_steps(resumed_network, resumed, 10, 20);
      for (std::size_t i = 0; i < network.parameters().size(); ++i) {
        EXPECT_TRUE(at::equal(resumed_network.parameters()[i]->value, network.parameters()[i]->value));
        EXPECT_TRUE(at::equal(resumed_network.parameters()[i]->effective, network.parameters()[i]->effective));
      }
    }
  }
}

TEST_F(AdamFileTest, LoadingTakesCopies) {
  Network network = draw(small_network("mlp"), 1);
  Adam adam(network, 1e-3);
  TensorFile checkpoint;
  adam.save(checkpoint);
  write_safetensors(path(), checkpoint);
  const TensorFile file = read_safetensors(path());
  const at::Tensor before = file.at("fc1.weight").clone();
  adam.load(file);
  take_steps(network, adam, 0, 3);
  EXPECT_TRUE(at::equal(file.at("fc1.weight"), before));
}

TEST_F(AdamFileTest, WhatDoesNotFitIsNamed) {
  Network network = draw(small_network("mlp"), 1);
  Adam adam(network, 1e-3);
  TensorFile whole;
  adam.save(whole);
  whole.origin = "checkpoint.safetensors";
  const auto message_after = [&](const std::function<void(TensorFile&)>& change) {
    TensorFile file = whole;
    change(file);
    const std::string message = message_of<InputError>([&] { adam.load(file); });
    EXPECT_THAT(message, StartsWith("checkpoint.safetensors"));
    return message;
  };
  for (std::size_t i = 0; i < whole.tensors.size(); ++i) {
    const std::string& name = whole.tensors[i].first;
    EXPECT_THAT(message_after([&](TensorFile& file) { file.tensors.erase(file.tensors.begin() + i); }),
                HasSubstr("'" + name + "'"));
    EXPECT_THAT(message_after([&](TensorFile& file) {
                  file.tensors[i].second = at::zeros({2, 2}, at::kDouble);
                }),
                HasSubstr("'" + name + "' does not fit"));
    EXPECT_THAT(
        message_after([&](TensorFile& file) { file.tensors[i].second = file.tensors[i].second.to(at::kFloat); }),
        HasSubstr("'" + name + "' does not fit"));
  }
  EXPECT_THAT(
      message_after([](TensorFile& file) { file.tensors.emplace_back("fc1.weight_mask", at::ones({2}, at::kByte)); }),
      HasSubstr("'fc1.weight_mask' does not fit"));
}

}  // namespace
}  // namespace ntt
