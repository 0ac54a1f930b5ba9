#include "ntt/train/trainer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"
#include "ntt/nn/network_file.h"
#include "ntt/train/evaluation_json.h"
#include "ntt/train/metrics.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"
#include "tests/train/small_problem.h"

namespace ntt {
namespace {

using testing::HasSubstr;

using TrainerTest = TemporaryFolderTest;

/// The same training written with autograd: softmax cross-entropy and the penalty through the masks, Adam by the book.
std::vector<at::Tensor> train_with_autograd(const Network& start, const TrainingData& data,
                                            const TrainingOptions& options) {
  std::vector<at::Tensor> values, masks, first, second;
  for (const Parameter* parameter : start.parameters()) {
    values.push_back(parameter->value.clone().set_requires_grad(true));
    masks.push_back(parameter->pattern ? parameter->mask() : at::ones_like(parameter->value));
    first.push_back(at::zeros_like(parameter->value));
    second.push_back(at::zeros_like(parameter->value));
  }
  for (std::int64_t t = 1; t <= options.steps; ++t) {
    const at::Tensor hidden = at::relu(at::linear(data.train_inputs.flatten(1), values[0] * masks[0], values[1]));
    const at::Tensor outputs = at::linear(hidden, values[2] * masks[2], values[3]);
    const at::Tensor penalty = (values[0] * masks[0]).pow(2).sum() + (values[2] * masks[2]).pow(2).sum();
    (at::cross_entropy_loss(outputs, data.train_labels) + *options.weight_decay * penalty).backward();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const at::Tensor gradient = values[i].grad().clone();
      values[i].mutable_grad().reset();
      first[i] = 0.9 * first[i] + 0.1 * gradient;
      second[i] = 0.999 * second[i] + 0.001 * gradient * gradient;
      const double steps = static_cast<double>(t);
      const at::Tensor change = *options.learning_rate * (first[i] / (1 - std::pow(0.9, steps))) /
                                ((second[i] / (1 - std::pow(0.999, steps))).sqrt() + 1e-8);
      values[i] = (values[i].detach() - change).set_requires_grad(true);
    }
  }
  return values;
}

TEST_F(TrainerTest, AgreesWithAutograd) {
  RandomStream stream(2, "test");
  const at::Tensor inputs = random_normal(stream, {6, 1, 2, 3}, 1.0, at::kDouble);
  const at::Tensor labels = at::tensor({0, 1, 2, 3, 2, 0}, at::kLong);
  const TrainingData data{inputs, labels, inputs, labels};
  Network network = small_network({1, 2, 3}, 5, 4, 0.5, at::kDouble);
  TrainingOptions options;
  options.steps = 6;
  options.batch_size = 6;
  options.held_out = 0;
  options.learning_rate = 0.01;
  options.weight_decay = 0.05;
  const std::vector<at::Tensor> expected = train_with_autograd(network, data, options);
  train(network, data, options);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(at::allclose(network.parameters()[i]->value, expected[i].detach(), 1e-10, 1e-12))
        << network.parameters()[i]->name;
  }
}

TEST_F(TrainerTest, MomentumScheduleAndSmoothingAgreeWithAutograd) {
  RandomStream stream(2, "test");
  const at::Tensor inputs = random_normal(stream, {6, 1, 2, 3}, 1.0, at::kDouble);
  const at::Tensor labels = at::tensor({0, 1, 2, 3, 2, 0}, at::kLong);
  const TrainingData data{inputs, labels, inputs, labels};
  Network network = small_network({1, 2, 3}, 5, 4, 0.5, at::kDouble);
  TrainingOptions options;
  options.steps = 7;
  options.batch_size = 6;
  options.held_out = 0;
  options.optimiser = OptimiserKind::nesterov;
  options.momentum = 0.8;
  options.weight_decay = 0.05;
  options.label_smoothing = 0.1;
  options.schedule = {.kind = ScheduleKind::cosine, .warm_up = 2};
  std::vector<at::Tensor> values, masks, velocities;
  for (const Parameter* parameter : network.parameters()) {
    values.push_back(parameter->effective.clone().set_requires_grad(true));
    masks.push_back(parameter->pattern ? parameter->mask() : at::ones_like(parameter->value));
    velocities.push_back(at::zeros_like(parameter->value));
  }
  for (int step = 0; step < 7; ++step) {
    const at::Tensor hidden = at::relu(at::linear(inputs.flatten(1), values[0], values[1]));
    at::cross_entropy_loss(at::linear(hidden, values[2], values[3]), labels, {}, at::Reduction::Mean, -100, 0.1)
        .backward();
    const double rate = 0.01 * (step < 2 ? (step + 1) / 2.0 : (1 + std::cos(M_PI * (step - 2) / 5)) / 2);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const at::Tensor g = masks[i] * values[i].grad() + (i % 2 == 0 ? 0.05 : 0) * values[i].detach();
      velocities[i] = 0.8 * velocities[i] + g;
      values[i] = (values[i].detach() - rate * (g + 0.8 * velocities[i])).set_requires_grad(true);
    }
  }
  train(network, data, options);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_TRUE(at::allclose(network.parameters()[i]->effective, values[i].detach(), 1e-10, 1e-12))
        << network.parameters()[i]->name;
  }
}

TEST_F(TrainerTest, AugmentationChangesTrainingAndNothingElse) {
  TrainingOptions options = quick_options(40);
  Network plain = glyph_network();
  train(plain, small_glyphs(), options);
  options.augmentation = parse_augmentation({"crop"});
  Network shifted = glyph_network();
  const at::Tensor before = small_glyphs().train_inputs.clone();
  const TrainingResult result = train(shifted, small_glyphs(), options);
  EXPECT_FALSE(identical(plain, shifted));
  EXPECT_TRUE(at::equal(small_glyphs().train_inputs, before));
  EXPECT_EQ(score(shifted.predict(small_glyphs().test_inputs), small_glyphs().test_labels).accuracy,
            result.last.test_accuracy);
}

TEST_F(TrainerTest, KeepsTheNetworkOfTheStepToRewindTo) {
  for (const Execution execution : {Execution::sparse, Execution::dense}) {
    TrainingOptions options = quick_options(20);
    options.execution = execution;
    options.out = folder_ / to_string(execution);
    for (const std::int64_t step : {0, 7}) {
      options.rewind_step = step;
      const Network start = glyph_network();
      Network network = start.clone();
      train(network, small_glyphs(), options);
      Network expected = start.clone();
      if (step > 0) {
        TrainingOptions fewer = options;
        fewer.steps = step;
        fewer.out.clear();
        train(expected, small_glyphs(), fewer);
      }
      const Network kept = read_network(options.out / kRewindFile).network;
      for (std::size_t i = 0; i < kept.parameters().size(); ++i) {
        EXPECT_TRUE(at::equal(kept.parameters()[i]->effective, expected.parameters()[i]->effective));
      }
    }
  }
}

TEST_F(TrainerTest, DefaultsAreThePublishedOnes) {
  const TrainingOptions options;
  EXPECT_EQ(options.epochs, 50);
  EXPECT_EQ(options.batch_size, 64);
  EXPECT_EQ(options.optimiser, OptimiserKind::adam);
  EXPECT_EQ(default_learning_rate(OptimiserKind::adam, testing_support::small_network("lenet")), 1e-3);
  EXPECT_EQ(default_learning_rate(OptimiserKind::adam, testing_support::small_network("residual-bn")), 3e-3);
  EXPECT_EQ(default_weight_decay(OptimiserKind::adam), 1e-8);
  EXPECT_EQ(default_learning_rate(OptimiserKind::sgd, testing_support::small_network("lenet")), 0.01);
  EXPECT_EQ(default_learning_rate(OptimiserKind::nesterov, testing_support::small_network("residual-bn")), 0.1);
  EXPECT_EQ(default_weight_decay(OptimiserKind::sgd), 5e-4);
  EXPECT_EQ(options.schedule.kind, ScheduleKind::constant);
  EXPECT_EQ(options.label_smoothing, 0);
  EXPECT_FALSE(options.augmentation.any());
  EXPECT_EQ(options.held_out, 0.1);
  EXPECT_EQ(options.evaluate_every, 100);
  EXPECT_EQ(options.select, Select::last);
}

TEST_F(TrainerTest, PrunedWeightsStayExactlyZeroAndMasksStay) {
  for (const std::int64_t steps : {1, 2, 3, 17}) {
    const Network start = glyph_network(0.1);
    Network network = start.clone();
    train(network, small_glyphs(), quick_options(steps));
    for (std::size_t i = 0; i < network.parameters().size(); ++i) {
      const Parameter& parameter = *network.parameters()[i];
      EXPECT_FALSE(at::equal(parameter.effective, start.parameters()[i]->effective)) << "nothing was learnt";
      if (parameter.pattern) {
        EXPECT_TRUE(at::equal(parameter.mask(), start.parameters()[i]->mask()));
        EXPECT_EQ(at::count_nonzero(parameter.effective * (1 - parameter.mask())).item<std::int64_t>(), 0);
      }
    }
  }
}

TEST_F(TrainerTest, LearnsGlyphs) {
  Network network = glyph_network();
  const double before = score(network.predict(small_glyphs().test_inputs), small_glyphs().test_labels).accuracy;
  const TrainingResult result = train(network, small_glyphs(), quick_options(400));
  EXPECT_LT(before, 0.35);
  EXPECT_GT(result.last.test_accuracy, 0.6);
  EXPECT_GT(result.last.train_accuracy, 0.9);
  EXPECT_GT(result.ms_per_step, 0);
  EXPECT_EQ(result.steps, 400);
}

TEST_F(TrainerTest, IsAFunctionOfTheSeed) {
  Network a = glyph_network();
  Network b = a.clone();
  Network c = a.clone();
  TrainingOptions options = quick_options(50);
  train(a, small_glyphs(), options);
  train(b, small_glyphs(), options);
  options.seed = 12;
  train(c, small_glyphs(), options);
  EXPECT_TRUE(identical(a, b));
  EXPECT_FALSE(identical(a, c));
}

TEST_F(TrainerTest, WritesALineAnEvaluation) {
  TrainingOptions options = quick_options(45);
  options.out = folder_ / "run";
  Network network = glyph_network();
  const TrainingResult result = train(network, small_glyphs(), options);
  const std::vector<nlohmann::json> lines = read_metrics(options.out / kMetricsFile);
  ASSERT_EQ(lines.size(), 4U);
  const std::vector<std::int64_t> steps{0, 20, 40, 45};
  double sum = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].at("step"), steps[i]);
    EXPECT_EQ(lines[i].at("epoch"), steps[i] / 13);  // 864 inputs are 13 batches of 64
    EXPECT_EQ(lines[i].at("train_loss").is_null(), i == 0);
    for (const char* key : {"train_accuracy", "validation_accuracy", "validation_loss", "test_accuracy", "test_loss"}) {
      EXPECT_GT(lines[i].at(key).get<double>(), 0) << key;
    }
    sum += i > 0 ? lines[i].at("test_accuracy").get<double>() : 0;
  }
  EXPECT_LT(lines[3].at("train_loss").get<double>(), lines[1].at("train_loss").get<double>());
  EXPECT_EQ(lines[3].at("test_accuracy"), result.last.test_accuracy);
  EXPECT_NEAR(result.mean_test_accuracy, sum / 3, 1e-12);
  ASSERT_EQ(result.evaluations.size(), 4U);
  EXPECT_EQ(nlohmann::json(result.evaluations).dump(), nlohmann::json(lines).dump());  // NaN is null there only
}

TEST_F(TrainerTest, WithoutTestInputsThereIsNoTestAccuracy) {
  Network with = glyph_network();
  const TrainingResult expected = train(with, small_glyphs(), quick_options(20));
  Network without = glyph_network();
  const TrainingResult result =
      train(without, {small_glyphs().train_inputs, small_glyphs().train_labels, {}, {}}, quick_options(20));
  EXPECT_TRUE(identical(with, without));
  EXPECT_TRUE(std::isnan(result.last.test_accuracy));
  EXPECT_TRUE(std::isnan(result.mean_test_accuracy));
  EXPECT_EQ(result.last.validation_accuracy, expected.last.validation_accuracy);
}

TEST_F(TrainerTest, AveragesTheLastTenEvaluations) {
  TrainingOptions options = quick_options(26);
  options.evaluate_every = 2;
  options.out = folder_ / "run";
  Network network = glyph_network();
  const TrainingResult result = train(network, small_glyphs(), options);
  const std::vector<nlohmann::json> lines = read_metrics(options.out / kMetricsFile);
  ASSERT_EQ(lines.size(), 14U);
  double sum = 0;
  for (std::size_t i = 4; i < 14; ++i) {
    sum += lines[i].at("test_accuracy").get<double>();
  }
  EXPECT_NEAR(result.mean_test_accuracy, sum / 10, 1e-12);
}

TEST_F(TrainerTest, KeepsTheWeightsThatAreAskedFor) {
  const TrainingData& data = small_glyphs();
  TrainingOptions options = quick_options(60);
  options.learning_rate = 0.05;  // wild enough that the last is not the best
  options.evaluate_every = 5;
  Network last = glyph_network();
  Network best = last.clone();
  const TrainingResult plain = train(last, data, options);
  options.select = Select::best_validation;
  const TrainingResult selected = train(best, data, options);

  ASSERT_NE(plain.best.step, plain.last.step) << "choose another seed";
  EXPECT_EQ(selected.best.step, plain.best.step);
  EXPECT_FALSE(identical(last, best));
  EXPECT_EQ(score(last.predict(data.test_inputs), data.test_labels).accuracy, plain.last.test_accuracy);
  EXPECT_EQ(score(best.predict(data.test_inputs), data.test_labels).accuracy, selected.best.test_accuracy);
  const at::Tensor held_out = split_indices(960, 0.1, options.seed).held_out;
  const at::Tensor inputs = data.train_inputs.index_select(0, held_out);
  EXPECT_EQ(score(best.predict(inputs), data.train_labels.index_select(0, held_out)).accuracy,
            plain.best.validation_accuracy);
  EXPECT_GT(plain.best.validation_accuracy, plain.last.validation_accuracy);
}

TEST_F(TrainerTest, RefusesWhatDoesNotFit) {
  Network network = glyph_network();
  const auto message = [&](const TrainingData& data, const TrainingOptions& options) {
    return message_of<InputError>([&] { train(network, data, options); });
  };
  TrainingOptions options = quick_options(1);
  options.batch_size = 900;
  EXPECT_THAT(message(small_glyphs(), options), HasSubstr("batch of 900 cannot be filled from 864"));
  options = quick_options(1);
  options.learning_rate = 0;
  EXPECT_THAT(message(small_glyphs(), options), HasSubstr("learning rate 0"));
  options = quick_options(1);
  options.momentum = 1;
  EXPECT_THAT(message(small_glyphs(), options), HasSubstr("momentum is 1"));
  options = quick_options(1);
  options.label_smoothing = 1;
  EXPECT_THAT(message(small_glyphs(), options), HasSubstr("label smoothing is 1"));
  options = quick_options(1);
  options.schedule.milestones = {0.5, 60};
  EXPECT_THAT(message(small_glyphs(), options), HasSubstr("milestone 60"));
  options = quick_options(1);
  options.schedule.gamma = 0;
  EXPECT_THAT(message(small_glyphs(), options), HasSubstr("is 0, but must be above 0"));
  options = quick_options(1);
  options.schedule.warm_up = -1;
  EXPECT_THAT(message(small_glyphs(), options), HasSubstr("warm-up is -1"));
  options = quick_options(1);
  options.augmentation.flip = true;
  TrainingData rows = small_glyphs();
  rows.train_inputs = rows.train_inputs.flatten(1);
  rows.test_inputs = rows.test_inputs.flatten(1);
  Network of_rows = small_network({784}, 4, 10, 0.5);
  EXPECT_THAT(message_of<InputError>([&] { train(of_rows, rows, options); }), HasSubstr("inputs here are of 784"));
  options = quick_options(1);
  options.select = Select::best_validation;
  options.held_out = 0;
  EXPECT_THAT(message(small_glyphs(), options), HasSubstr("must be held out"));
  TrainingData data = small_glyphs();
  data.test_labels = data.test_labels + 1;
  EXPECT_THAT(message(data, quick_options(1)), HasSubstr("test labels go up to 10"));
  data = small_glyphs();
  data.train_labels = data.train_labels.narrow(0, 0, 5);
  EXPECT_THAT(message(data, quick_options(1)), HasSubstr("960 training inputs and 5 labels"));
  data = small_glyphs();
  data.test_inputs = data.test_inputs.narrow(3, 0, 27);
  EXPECT_THAT(message(data, quick_options(1)), HasSubstr("1x28x28"));
}

}  // namespace
}  // namespace ntt
