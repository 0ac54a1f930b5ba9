#include "ntt/prune/ablation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/prune/mask.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;

class AblationTest : public testing::TestWithParam<Ablation> {
 protected:
  AblationTest() {
    mask_at_random(sparse_, 0.4, 2);
    for (Parameter* parameter : prunable_parameters(sparse_)) {  // as a network that was moved and read from a file
      parameter->value.mul_(parameter->mask()).mul_(1.5);
      parameter->refresh();
    }
  }

  Network ablated(std::uint64_t seed) const {
    Network network = sparse_.clone();
    ablate(network, dense_, GetParam(), seed);
    return network;
  }

  /// What holds of each weight: before, the dense network's, and after.
  void for_each_weight(const Network& after,
                       const std::function<void(const Parameter&, const Parameter&, const Parameter&)>& check) const {
    for (std::size_t i = 0; i < after.parameters().size(); ++i) {
      if (after.parameters()[i]->prunable) {
        check(*sparse_.parameters()[i], *dense_.parameters()[i], *after.parameters()[i]);
      }
    }
  }

  Network dense_ = draw(small_network("lenet"), 1);
  Network sparse_ = dense_.clone();
};

at::Tensor sorted(const at::Tensor& values) {
  return std::get<0>(values.flatten().sort());
}

TEST_P(AblationTest, KeepsCountsAndBiasesAndIsAFunctionOfTheSeed) {
  const Network network = ablated(5);
  EXPECT_TRUE(identical(network, ablated(5)));
  EXPECT_FALSE(identical(network, ablated(6)));
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    const Parameter& parameter = *network.parameters()[i];
    EXPECT_EQ(parameter.kept(), sparse_.parameters()[i]->kept());
    if (!parameter.prunable) {
      EXPECT_TRUE(at::equal(parameter.value, sparse_.parameters()[i]->value));
    }
  }
}

TEST_P(AblationTest, DoesWhatItsNameSays) {
  for_each_weight(ablated(5), [&](const Parameter& before, const Parameter& dense, const Parameter& after) {
    switch (GetParam()) {
      case Ablation::shuffle: {
        EXPECT_FALSE(at::equal(after.mask(), before.mask()));
        const at::Tensor weights = at::where(before.mask().gt(0), before.value, dense.value);
        EXPECT_TRUE(at::equal(after.effective, weights * after.mask()));
        break;
      }
      case Ablation::shuffle_with_weights:
        EXPECT_FALSE(at::equal(after.mask(), before.mask()));
        EXPECT_TRUE(at::equal(sorted(after.effective), sorted(before.effective)));
        EXPECT_TRUE(at::equal(after.effective.ne(0), after.mask().gt(0)));
        break;
      case Ablation::reinitialise:
        EXPECT_TRUE(at::equal(after.mask(), before.mask()));
        EXPECT_EQ((after.effective.eq(before.effective) * after.mask()).sum().item<double>(), 0);
        EXPECT_TRUE(at::equal(after.effective.ne(0), after.mask().gt(0)));
        break;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, AblationTest,
                         testing::Values(Ablation::shuffle, Ablation::shuffle_with_weights, Ablation::reinitialise));

TEST(Ablation, OfADenseNetworkIsThatNetwork) {
  const Network dense = draw(small_network("lenet"), 1);
  Network network = dense.clone();
  ablate(network, dense, Ablation::shuffle, 1);
  EXPECT_TRUE(identical(network, dense));
}

TEST(Ablation, AnotherNetworksDenseOneIsRefused) {
  Network network = draw(small_network("lenet"), 1);
  mask_at_random(network, 0.4, 2);
  EXPECT_THROW(ablate(network, draw(small_network("mlp-tanh"), 1), Ablation::shuffle, 1), InputError);
}

}  // namespace
}  // namespace ntt
