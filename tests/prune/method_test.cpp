#include "ntt/prune/method.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ntt/core/error.h"
#include "ntt/models/layer_stack.h"
#include "ntt/prune/synflow.h"
#include "tests/support/networks.h"
#include "tests/support/observers.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MethodTest : public testing::TestWithParam<std::string> {
 protected:
  MethodTest() {
    data_.labels = at::arange(40, at::kLong).remainder(draw(graph_, 1).outputs());
    options_.density = 0.3;
    options_.rounds = 4;
  }

  Network pruned(const PruneData& data) const {
    Network network = draw(graph_, 1);
    prune(network, find_prune_method(GetParam()), data, options_);
    return network;
  }

  /// Of a network with masks: PX looks at the data through those of the last layer only.
  Scores scores(const PruneData& data) const {
    Network network = draw(graph_, 1);
    mask_at_random(network, 0.5, 3);
    return find_prune_method(GetParam()).scores({network, data, options_.seed, 1, options_.scope, options_.density});
  }

  const Graph& graph_ = small_network("lenet");
  PruneData data_{draw_inputs(graph_, 40, 2), {}};
  PruneOptions options_;
};

TEST_P(MethodTest, KeepsItsShareOfWeightsAndTheirValues) {
  const Network dense = draw(graph_, 1);
  for (const Scope scope : {Scope::layer, Scope::global}) {
    options_.scope = scope;
    const Network network = pruned(data_);
    if (GetParam() == "dense") {
      EXPECT_TRUE(identical(network, dense));
      continue;
    }
    // Weights on no path to an output score 0 and go together, so that fewer may stay.
    EXPECT_LT(network.density(), options_.density + 0.02);
    EXPECT_GT(network.density(), options_.density / 2);
    for (std::size_t i = 0; i < dense.parameters().size(); ++i) {
      const Parameter& parameter = *network.parameters()[i];
      EXPECT_EQ(parameter.pattern != nullptr, parameter.prunable);
      if (GetParam() != "random-rescaled") {
        EXPECT_TRUE(at::equal(parameter.value, dense.parameters()[i]->value));
      }
    }
  }
}

TEST_P(MethodTest, ReadsLabelsOnlyIfItSaysSo) {
  const PruneMethod& method = find_prune_method(GetParam());
  PruneData shuffled = data_;
  shuffled.labels = data_.labels.roll(1);
  PruneData other_inputs = data_;
  other_inputs.inputs = draw_inputs(graph_, 40, 9);
  if (method.scores != nullptr) {
    EXPECT_EQ(relative_error(scores(shuffled), scores(data_)) == 0, !method.reads_labels);
    EXPECT_EQ(relative_error(scores(other_inputs), scores(data_)) == 0, !method.reads_inputs);
  }
  if (method.reads_labels) {
    EXPECT_THROW(pruned({data_.inputs, {}}), InputError);
  }
  if (method.reads_inputs) {
    EXPECT_THROW(pruned({}), InputError);
  }
}

/// All but `dense`, which has no order to invert.
class ScoringMethodTest : public MethodTest {};

TEST_P(ScoringMethodTest, InvertedKeepsWhatItPrunedFirst) {
  options_.rounds = 1;
  options_.density = 0.5;
  const Network best = pruned(data_);
  options_.invert = true;
  const Network worst = pruned(data_);
  double both = 0;
  double all = 0;
  for (std::size_t i = 0; i < best.parameters().size(); ++i) {
    if (best.parameters()[i]->prunable) {
      both += (best.parameters()[i]->mask() * worst.parameters()[i]->mask()).sum().item<double>();
      all += static_cast<double>(best.parameters()[i]->mask().numel());
    }
  }
  EXPECT_LT(both / all, 0.02) << "halves that overlap by a weight a layer at most, or by ties";
}

std::vector<std::string> method_names(bool with_dense) {
  std::vector<std::string> names;
  for (const PruneMethod& method : prune_methods()) {
    if (with_dense || method.name != "dense") {
      names.push_back(method.name);
    }
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Methods, MethodTest, testing::ValuesIn(method_names(true)),
                         [](const auto& test) { return as_identifier(test.param); });
INSTANTIATE_TEST_SUITE_P(Methods, ScoringMethodTest, testing::ValuesIn(method_names(false)),
                         [](const auto& test) { return as_identifier(test.param); });

TEST(PruneMethods, RescaledWeightsKeepTheirSumsVariance) {
  const Graph& graph = small_network("lenet");
  Network plain = draw(graph, 1);
  Network rescaled = draw(graph, 1);
  PruneOptions options;
  options.density = 0.25;
  prune(plain, find_prune_method("random"), {}, options);
  prune(rescaled, find_prune_method("random-rescaled"), {}, options);
  for (std::size_t i = 0; i < plain.parameters().size(); ++i) {
    const Parameter& parameter = *plain.parameters()[i];
    const double share = static_cast<double>(parameter.kept()) / static_cast<double>(parameter.value.numel());
    const double factor = parameter.prunable ? 1 / std::sqrt(share) : 1;
    EXPECT_LT(relative_error(rescaled.parameters()[i]->effective, parameter.effective * factor), 1e-12);
  }
}

TEST(PruneMethods, RoundsFallExponentiallyAndScoreWhatIsLeft) {
  Network network = draw(small_network("lenet"), 1);
  Network by_hand = draw(small_network("lenet"), 1);
  PruneOptions options;
  options.density = 0.09;
  options.scope = Scope::global;
  options.rounds = 2;
  prune(network, find_prune_method("synflow"), {}, options);
  mask_by_scores(by_hand, synflow_scores(by_hand), 0.3, Scope::global);
  mask_by_scores(by_hand, synflow_scores(by_hand), 0.09, Scope::global);
  EXPECT_TRUE(identical(network, by_hand));
}

TEST(PruneMethods, TheObserverIsToldOfRoundsAndMayStopBetweenThem) {
  PruneOptions options;
  options.rounds = 3;
  Recorder recorder;
  options.observer = &recorder;
  Network network = draw(small_network("lenet"), 1);
  prune(network, find_prune_method("synflow"), {}, options);
  EXPECT_THAT(recorder.done, testing::ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(recorder.finished, 1);

  Stopper stopper;
  options.observer = &stopper;
  EXPECT_THROW(prune(network, find_prune_method("synflow"), {}, options), Interrupted);
  options.rounds = 1;
  EXPECT_NO_THROW(prune(network, find_prune_method("synflow"), {}, options)) << "there is nothing left to stop";
}

TEST(PruneMethods, EmptyLayersAreNamed) {
  Network network = draw(small_network("lenet"), 1);
  EXPECT_THAT(empty_layers(network), IsEmpty());
  Parameter& weight = *prunable_parameters(network)[1];
  weight.set_mask(at::zeros_like(weight.value));
  EXPECT_THAT(empty_layers(network), ElementsAre(weight.name));
}

TEST(PruneMethods, ScoresThatAreNotFiniteAreRefused) {
  Network network = draw(small_network("lenet"), 1);
  at::Tensor inputs = draw_inputs(small_network("lenet"), 4, 2);
  inputs.flatten()[3] = std::numeric_limits<double>::quiet_NaN();
  try {
    prune(network, find_prune_method("logit-snip"), {inputs, {}}, {});
    FAIL() << "a NaN went through";
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the scores of logit-snip in"));
  }
}

TEST(PruneMethods, ScoresThatAreAllZeroAreRefused) {
  // The outputs' sum is 1 whatever the weights are.
  Network network = draw(LayerStack("classifier", {6}).linear(5).relu().linear(3).add("softmax").finish(), 1);
  try {
    prune(network, find_prune_method("synflow"), {}, {});
    FAIL() << "all weights are gone";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("method synflow scores all of fc1.weight 0, and so cannot choose"));
  }
}

TEST(PruneMethods, OthersAreRefusedByName) {
  try {
    find_prune_method("snap");
    FAIL() << "there is no such method";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("'snap'; known are dense, random"));
  }
}

}  // namespace
}  // namespace ntt
