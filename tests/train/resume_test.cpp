#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/safetensors.h"
#include "ntt/nn/adam.h"
#include "ntt/train/training_state.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/observers.h"
#include "tests/train/small_problem.h"

namespace ntt {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using ResumeTest = TemporaryFolderTest;

/// Trains for one step; the message of Interrupted.
std::string train_one_step(Network& network, TrainingOptions options) {
  Stopper stopper;
  options.observer = &stopper;
  return message_of<Interrupted>([&] { train(network, small_glyphs(), options); });
}

std::vector<nlohmann::json> metrics_without_seconds(const TrainingOptions& options) {
  std::vector<nlohmann::json> lines = read_metrics(options.out / kMetricsFile);
  for (nlohmann::json& line : lines) {
    line.erase("seconds");
  }
  return lines;
}

class ResumeTestOf : public ResumeTest, public testing::WithParamInterface<std::tuple<Select, Execution>> {};

TEST_P(ResumeTestOf, InterruptedAfterEveryStepIsBitIdentical) {
  TrainingOptions options = quick_options(60);
  options.learning_rate = 0.01;
  std::tie(options.select, options.execution) = GetParam();
  const Network teacher = glyph_network(1.0);
  options.teacher = &teacher;
  options.track = 4;
  options.out = folder_ / "whole";
  Network whole = glyph_network();
  const TrainingResult expected = train(whole, small_glyphs(), options);
  const std::vector<nlohmann::json> expected_lines = metrics_without_seconds(options);
  const std::string expected_track = read(options.out / kTrackFile);

  options.out = folder_ / "parts";
  Network second = glyph_network();
  for (std::int64_t step = 1; step < options.steps; ++step) {
    EXPECT_THAT(train_one_step(second, options), HasSubstr(fmt::format("at step {} of 60", step)));
    MetricsLog(options.out / kMetricsFile).append({{"step", 99999}});  // as if killed after the checkpoint
    second = glyph_network(0.7);  // what is in the network does not count: the checkpoint does
    options.resume = true;
  }
  const TrainingResult result = train(second, small_glyphs(), options);
  EXPECT_TRUE(identical(whole, second));
  EXPECT_EQ(metrics_without_seconds(options), expected_lines);
  EXPECT_TRUE(read(options.out / kTrackFile) == expected_track);  // EXPECT_EQ would print both files
  EXPECT_EQ(result.best.step, expected.best.step);
  EXPECT_EQ(result.mean_test_accuracy, expected.mean_test_accuracy);
}

INSTANTIATE_TEST_SUITE_P(All, ResumeTestOf,
                         testing::Combine(testing::Values(Select::last, Select::best_validation),
                                          testing::Values(Execution::sparse, Execution::dense)));

TEST_F(ResumeTest, WithMomentumScheduleAndAugmentationItIsBitIdenticalToo) {
  for (const Execution execution : {Execution::sparse, Execution::dense}) {
    for (const OptimiserKind optimiser : {OptimiserKind::adam, OptimiserKind::nesterov}) {
      TrainingOptions options = quick_options(30);
      options.execution = execution;
      options.optimiser = optimiser;
      options.schedule = {.kind = ScheduleKind::cosine, .warm_up = 10};
      options.augmentation = parse_augmentation({"crop", "flip", "cutout"});
      options.label_smoothing = 0.1;
      Network whole = glyph_network(0.1);
      train(whole, small_glyphs(), options);
      options.out = folder_ / fmt::format("{}-{}", to_string(execution), to_string(optimiser));
      Network parts = glyph_network(0.1);
      for (std::int64_t step = 1; step < options.steps; ++step) {
        EXPECT_THAT(train_one_step(parts, options), HasSubstr(fmt::format("at step {} of 30", step)));
        parts = glyph_network(0.7);
        options.resume = true;
      }
      train(parts, small_glyphs(), options);
      EXPECT_TRUE(identical(whole, parts));
    }
  }
}

TEST_F(ResumeTest, RefusesACheckpointOfOtherOptimisersSchedulesAndImages) {
  TrainingOptions options = quick_options(5);
  options.out = folder_;
  Network network = glyph_network();
  Stopper stopper;
  options.observer = &stopper;
  EXPECT_THROW(train(network, small_glyphs(), options), Interrupted);
  options.resume = true;
  const auto expect_refused = [&](TrainingOptions other, const char* named) {
    other.learning_rate = 1e-3;
    other.weight_decay = 1e-8;
    EXPECT_THAT(message_of<InputError>([&] { train(network, small_glyphs(), other); }), HasSubstr(named));
  };
  TrainingOptions other = options;
  other.optimiser = OptimiserKind::sgd;
  expect_refused(other, "sgd with momentum 0.9");
  other = options;
  other.schedule = {.kind = ScheduleKind::step, .warm_up = 3};
  expect_refused(other, "schedule step of 0.1 at 0.5 0.75 with 3 steps of warm-up");
  other = options;
  other.label_smoothing = 0.1;
  expect_refused(other, "label smoothing 0.1");
  other = options;
  other.augmentation = parse_augmentation({"flip", "crop"});
  expect_refused(other, "augmentation crop flip");
}

TEST_F(ResumeTest, RefusesACheckpointOfOtherOptions) {
  TrainingOptions options = quick_options(5);
  options.out = folder_;
  options.checkpoint_seconds = 0;
  Network network = glyph_network();
  train(network, small_glyphs(), options);
  options.resume = true;
  options.learning_rate = 0.02;
  EXPECT_THAT(message_of<InputError>([&] { train(network, small_glyphs(), options); }),
              AllOf(HasSubstr("other options"), HasSubstr("0.02"), HasSubstr("0.001")));
}

TEST_F(ResumeTest, RefusesAFileThatIsNoCheckpointOfTraining) {
  TrainingOptions options = quick_options(5);
  options.out = folder_;
  options.resume = true;
  write_safetensors(folder_ / kCheckpointFile, {{{"a", at::zeros({2})}}, {}, {}});
  Network network = glyph_network();
  EXPECT_THAT(message_of<InputError>([&] { train(network, small_glyphs(), options); }),
              HasSubstr("no checkpoint of a training run"));
}

TEST_F(ResumeTest, ADivergingRunNamesTheStepAndTheLastGoodCheckpoint) {
  TrainingOptions options = quick_options(50);
  options.learning_rate = 1e30;
  Network network = glyph_network();
  EXPECT_THAT(message_of<RunError>([&] { train(network, small_glyphs(), options); }),
              AllOf(HasSubstr("at step 2 of 50"), HasSubstr("no checkpoint had been written")));

  options.out = folder_;
  options.checkpoint_seconds = 0;
  network = glyph_network();
  const std::string message = message_of<RunError>([&] { train(network, small_glyphs(), options); });
  EXPECT_THAT(message, HasSubstr((folder_ / kCheckpointFile).string() + ", of step 1;"));
  for (const auto& [name, tensor] : read_safetensors(folder_ / kCheckpointFile).tensors) {
    EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
  }
}

TEST_F(ResumeTest, WeightsThatAreNotFiniteNeverReachACheckpoint) {
  Network network = glyph_network();
  Adam optimiser(network, 1e-3);
  const std::filesystem::path path = folder_ / kCheckpointFile;
  TrainingState state;
  state.step = 7;
  save_checkpoint(path, network, optimiser, state, "x");
  const std::string good = read(path);
  network.parameters()[1]->value[0] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(message_of<RunError>([&] { save_checkpoint(path, network, optimiser, state, "x"); }),
              HasSubstr("after step 7"));
  EXPECT_EQ(read(path), good);
  EXPECT_EQ(files(), 1U);
}

}  // namespace
}  // namespace ntt
