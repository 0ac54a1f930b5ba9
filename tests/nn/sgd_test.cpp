#include "ntt/nn/sgd.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/sgd.h>

#include <memory>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/core/sgd_update.h"
#include "ntt/nn/adam.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::HasSubstr;

constexpr double kRate = 0.05;
constexpr double kDecay = 0.03;

Gradients draw_gradients(const Network& network, std::uint64_t step) {
  Gradients gradients(network);
  RandomStream stream(1, "test-gradients", step);
  for (const Parameter* parameter : network.parameters()) {
    gradients.of(*parameter).copy_(random_normal(stream, parameter->shape, 1.0, network.dtype()));
  }
  return gradients;
}

/// torch::optim::SGD on the kept entries of a network's parameters, whose weights decay.
class PyTorchs {
 public:
  PyTorchs(const Network& network, double momentum, bool nesterov) : network_(network) {
    std::vector<torch::optim::OptimizerParamGroup> groups;
    for (const Parameter* parameter : network.parameters()) {
      kept_.push_back(parameter->kept_entries(parameter->value).clone().set_requires_grad(true));
      auto options = std::make_unique<torch::optim::SGDOptions>(kRate);
      options->momentum(momentum).nesterov(nesterov).weight_decay(parameter->role == Role::weight ? kDecay : 0);
      groups.emplace_back(std::vector{kept_.back()}, std::move(options));
    }
    sgd_ = std::make_unique<torch::optim::SGD>(groups, torch::optim::SGDOptions(kRate));
  }

  void step(const Gradients& gradients, double learning_rate) {
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      const Parameter& parameter = *network_.parameters()[i];
      kept_[i].mutable_grad() = parameter.kept_entries(gradients.of(parameter)).clone();
      static_cast<torch::optim::SGDOptions&>(sgd_->param_groups()[i].options()).lr(learning_rate);
    }
    sgd_->step();
  }

  const std::vector<at::Tensor>& kept() const { return kept_; }

 private:
  const Network& network_;
  std::vector<at::Tensor> kept_;
  std::unique_ptr<torch::optim::SGD> sgd_;
};

struct Rule {
  double momentum;
  bool nesterov;
};
const std::vector<Rule> kRules{{0, false}, {0.9, false}, {0.9, true}};

void expect_pytorchs(Network network, const Rule& rule, double tolerance) {
  PyTorchs expected(network, rule.momentum, rule.nesterov);
  const Network start = network.clone();
  Sgd sgd(network, kRate, rule.momentum, rule.nesterov);
  for (int step = 1; step <= 50; ++step) {
    const double rate = kRate / step;
    const Gradients gradients = draw_gradients(network, static_cast<std::uint64_t>(step));
    sgd.set_learning_rate(rate);
    sgd.step(gradients, kDecay);
    expected.step(gradients, rate);
  }
  EXPECT_EQ(sgd.steps(), 50);
  std::vector<at::Tensor> kept;
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    const Parameter& parameter = *network.parameters()[i];
    kept.push_back(parameter.kept_entries(parameter.value));
    EXPECT_TRUE(
        at::equal(parameter.effective, parameter.pattern ? parameter.value * parameter.mask() : parameter.value));
    if (parameter.pattern) {
      const at::Tensor pruned = parameter.mask().eq(0);
      EXPECT_TRUE(at::equal(parameter.value.masked_select(pruned), start.parameters()[i]->value.masked_select(pruned)));
    }
  }
  EXPECT_LT(relative_error(kept, expected.kept()), tolerance);
}

TEST(Sgd, IsPyTorchsOverManySteps) {
  for (const Rule& rule : kRules) {
    for (const char* name : {"mlp", "lenet", "residual-bn", "tied"}) {
      SCOPED_TRACE(name);
      expect_pytorchs(draw(small_network(name), 1), rule, 1e-13);
      Network masked = draw(small_network(name), 1);
      mask_at_random(masked, 0.4, 2);
      expect_pytorchs(masked.clone(), rule, 1e-13);
      masked.to(at::kCPU, at::kFloat);
      expect_pytorchs(masked.clone(), rule, 1e-5);
    }
  }
}

TEST(Sgd, IsTheSameInPlainOperations) {
  for (const Rule& rule : kRules) {
    for (const bool masked : {false, true}) {
      RandomStream stream(3, "test");
      const auto draw = [&] { return random_normal(stream, {501}, 1.0, at::kDouble); };
      const at::Tensor gradient = draw();
      at::Tensor mask = masked ? draw().gt(0).to(at::kDouble) : at::Tensor();
      at::Tensor value = draw();
      at::Tensor velocity = draw();
      at::Tensor effective = masked ? value * mask : value;
      at::Tensor plain_value = value.clone();
      at::Tensor plain_velocity = velocity.clone();
      at::Tensor plain_effective = masked ? effective.clone() : plain_value;
      const SgdStep step{kRate, rule.momentum, rule.nesterov, kDecay};
      sgd_update(step, value, effective, gradient, mask, velocity);
      aten::sgd_update(step, plain_value, plain_effective, gradient, mask, plain_velocity);
      EXPECT_TRUE(at::allclose(value, plain_value, 1e-14, 1e-14));
      EXPECT_TRUE(at::allclose(velocity, plain_velocity, 1e-14, 1e-14));
      EXPECT_TRUE(at::allclose(effective, plain_effective, 1e-14, 1e-14));
    }
  }
}

using SgdFileTest = TemporaryFolderTest;

TEST_F(SgdFileTest, AResumedRunIsBitIdentical) {
  Network network = draw(small_network("lenet"), 1, at::kFloat);
  mask_at_random(network, 0.4, 2);
  Sgd sgd(network, kRate, 0.9, true);
  const auto take_steps = [](Network& of, Sgd& optimiser, std::uint64_t from) {
    for (std::uint64_t step = from; step < from + 10; ++step) {
      optimiser.step(draw_gradients(of, step), kDecay);
    }
  };
  take_steps(network, sgd, 0);
  TensorFile checkpoint;
  sgd.save(checkpoint);
  write_safetensors(folder_ / "checkpoint.safetensors", checkpoint);
  take_steps(network, sgd, 10);

  Network resumed_network = draw(small_network("lenet"), 99, at::kFloat);
  Sgd resumed(resumed_network, kRate, 0.9, true);
  resumed.load(read_safetensors(folder_ / "checkpoint.safetensors"));
  EXPECT_EQ(resumed.steps(), 10);
  take_steps(resumed_network, resumed, 10);
  EXPECT_TRUE(identical(network, resumed_network));

  Adam adam(resumed_network, kRate);
  EXPECT_THAT(message_of<InputError>([&] { adam.load(read_safetensors(folder_ / "checkpoint.safetensors")); }),
              HasSubstr("'adam.steps'"));
}

}  // namespace
}  // namespace ntt
