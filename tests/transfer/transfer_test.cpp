#include "ntt/transfer/transfer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "ntt/core/error.h"
#include "ntt/core/threads.h"
#include "ntt/data/dataset.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/safetensors.h"
#include "ntt/prune/snip.h"
#include "ntt/transfer/evaluation_json.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"
#include "tests/support/observers.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kInputs = 100;

/// A teacher, inputs and options of runs that take milliseconds: 90 training inputs are 5 batches of 16 and some over.
class TransferTest : public TemporaryFolderTest {
 protected:
  TransferTest() : graph_(small_network("lenet")), teacher_(draw(graph_, 1, at::kFloat)) {
    inputs_ = draw_inputs(graph_, kInputs, 2, at::kFloat);
    options_.step.density = 0.3;
    options_.step.density_schedule = DensitySchedule::constant;
    options_.step.mask_interval = 4;
    options_.step.learning_rate = 5e-3;
    options_.step.seed = 7;
    options_.steps = 12;
    options_.batch_size = 16;
    options_.held_out = 0.1;
    options_.evaluate_every = 5;
    options_.out = folder_;
  }

  Network student() const { return initial_student(teacher_, options_, inputs_); }

  /// A run from the start; the student that it ends with.
  Network run() {
    Network student = this->student();
    result_ = transfer(teacher_, student, inputs_, options_);
    return student;
  }

  std::vector<nlohmann::json> metrics() const { return read_metrics(options_.out / kMetricsFile); }

  std::vector<nlohmann::json> metrics_without_seconds() const {
    std::vector<nlohmann::json> lines = metrics();
    for (nlohmann::json& line : lines) {
      line.erase("seconds");
    }
    return lines;
  }

  std::vector<std::int64_t> evaluated_steps() const {
    std::vector<std::int64_t> steps;
    for (const nlohmann::json& line : metrics()) {
      steps.push_back(line.at("step"));
    }
    return steps;
  }

  std::string input_error() {
    Network student = teacher_.clone();
    return message_of<InputError>([&] { transfer(teacher_, student, inputs_, options_); });
  }

  Graph graph_;
  Network teacher_;
  at::Tensor inputs_;
  TransferOptions options_;
  TransferResult result_;
};

TEST_F(TransferTest, BringsTheStudentNearerToTheTeacherAndLeavesTheTeacher) {
  const Network teacher = teacher_.clone();
  options_.steps = 300;
  options_.step.mask_interval = 50;
  const Network student = run();
  EXPECT_LT(result_.after.target, 0.3 * result_.before.target);
  EXPECT_LT(result_.after.kernel, 0.7 * result_.before.kernel);
  EXPECT_NEAR(student.density(), 0.3, 0.02);
  EXPECT_TRUE(identical(teacher, teacher_));
}

TEST_F(TransferTest, MeasuresEveryHundredStepsUnlessTold) {
  options_.evaluate_every = TransferOptions().evaluate_every;
  options_.steps = 250;
  run();
  EXPECT_THAT(evaluated_steps(), ElementsAre(0, 100, 200, 250));
}

TEST_F(TransferTest, RecordsTheHeldOutDistancesAtBothEndsAndBetween) {
  options_.step.kernel = KernelMode::sketch;
  options_.step.objective.parameters = ParameterSet::active;
  options_.step.execution = Execution::dense;  // as what is expected is worked out, to the bit
  const Network first = student();
  const Network last = run();
  const at::Tensor held_out = inputs_.index_select(0, split_indices(kInputs, 0.1, options_.step.seed).held_out);
  ASSERT_EQ(held_out.size(0), 10);
  const HeldOutDistances distances(teacher_, held_out);
  const std::vector<nlohmann::json> lines = metrics();
  EXPECT_THAT(evaluated_steps(), ElementsAre(0, 5, 10, 12));
  const auto expect_line = [&](const nlohmann::json& line, const Network& network, const Distances& reported) {
    const Distances expected = distances.measure(network, ParameterSet::active);
    EXPECT_EQ(line.at("kernel_distance"), expected.kernel);
    EXPECT_EQ(line.at("target_distance"), expected.target);
    EXPECT_EQ(line.at("density"), network.density());
    EXPECT_EQ(reported.kernel, expected.kernel);
    EXPECT_EQ(reported.target, expected.target);
  };
  expect_line(lines.front(), first, result_.before);
  expect_line(lines.back(), last, result_.after);
  EXPECT_EQ(lines.back().at("epoch"), 12.0 / 5);
  EXPECT_EQ(nlohmann::json(result_.evaluations), nlohmann::json(lines));
  EXPECT_EQ(result_.steps, 12);
  EXPECT_GT(result_.seconds, 0);
  EXPECT_LE(result_.ms_per_step * 12, 1e3 * result_.seconds);
}

TEST_F(TransferTest, AStudentThatBeginsDenseIsComparedWithOneThatDoesNot) {
  options_.step.execution = Execution::dense;
  run();
  const Distances constant = result_.before;
  options_.step.density_schedule = DensitySchedule::cubic;
  options_.out = folder_ / "falling";
  std::filesystem::create_directories(options_.out);
  run();
  EXPECT_EQ(result_.before.kernel, constant.kernel);
  EXPECT_EQ(result_.before.target, constant.target);
  EXPECT_EQ(metrics().front().at("kernel_distance"), 0) << "that of the student itself";
}

TEST_F(TransferTest, StepsOnWholeShuffledBatchesOfWhatIsNotHeldOut) {
  const Network found = run();
  Network expected = student();
  Stepper stepper(teacher_, expected, options_.step, 12);
  const at::Tensor train = split_indices(kInputs, 0.1, 7).train;
  for (std::int64_t t = 0; t < 12; ++t) {
    const at::Tensor order = epoch_order(train, 7, t / 5);
    stepper.step(inputs_.index_select(0, order.narrow(0, t % 5 * 16, 16)));
  }
  EXPECT_TRUE(identical(found, expected));
}

TEST_F(TransferTest, EpochsCountWholeBatches) {
  options_.steps = 0;
  options_.epochs = 3;
  run();
  EXPECT_EQ(result_.steps, 15);
  EXPECT_EQ(evaluated_steps().back(), 15);
}

TEST_F(TransferTest, OnAsManyThreadsIsReproducible) {
  const int before = threads();
  for (const int count : {1, 2}) {
    set_threads(count);
    EXPECT_TRUE(identical(run(), run())) << count << " threads";
  }
  set_threads(before);
}

TEST_F(TransferTest, AnotherSeedIsAnotherRun) {
  const Network first = run();
  options_.step.seed = 8;
  EXPECT_FALSE(identical(first, run()));
}

TEST_F(TransferTest, TellsItsObserverEachStep) {
  Recorder recorder;
  options_.observer = &recorder;
  run();
  EXPECT_THAT(recorder.done, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12));
  EXPECT_EQ(recorder.total, 12);
  EXPECT_EQ(recorder.finished, 1);
}

TEST_F(TransferTest, WithoutARunFolderWritesNothing) {
  const Network written = run();
  const auto before = files();
  options_.out.clear();
  options_.checkpoint_seconds = 0;
  EXPECT_TRUE(identical(written, run()));
  EXPECT_EQ(files(), before);
  EXPECT_FALSE(std::filesystem::exists(kMetricsFile)) << "in the working folder";
  EXPECT_FALSE(std::filesystem::exists(kCheckpointFile)) << "in the working folder";

  Stopper stopper;
  options_.observer = &stopper;
  Network student = this->student();
  EXPECT_THAT(message_of<Interrupted>([&] { transfer(teacher_, student, inputs_, options_); }),
              HasSubstr("stopped at step 1 of 12; nothing was saved"));
  options_.resume = true;
  EXPECT_THAT(input_error(), HasSubstr("no run folder to resume from"));
}

class TransferResumeTest : public TransferTest, public testing::WithParamInterface<KernelMode> {};

TEST_P(TransferResumeTest, InterruptedAfterEveryStepIsBitIdentical) {
  options_.step.kernel = GetParam();
  options_.step.density_schedule = DensitySchedule::cubic;
  options_.out = folder_ / "whole";
  std::filesystem::create_directory(options_.out);
  const Network whole = run();
  const TransferResult expected = result_;
  const std::vector<nlohmann::json> expected_lines = metrics_without_seconds();

  options_.out = folder_ / "parts";
  std::filesystem::create_directory(options_.out);
  Network part = student();
  Stopper stopper;
  options_.observer = &stopper;
  for (std::int64_t step = 1; step <= 12; ++step) {
    EXPECT_THAT(message_of<Interrupted>([&] { transfer(teacher_, part, inputs_, options_); }),
                HasSubstr(fmt::format("at step {} of 12", step)));
    MetricsLog(options_.out / kMetricsFile).append({{"step", 99999}});  // as if killed after the checkpoint
    part = draw(graph_, 20, at::kFloat);  // what is in the network does not count: the checkpoint does
    options_.resume = true;
  }
  options_.observer = &Observer::none();
  const TransferResult result = transfer(teacher_, part, inputs_, options_);
  EXPECT_TRUE(identical(whole, part));
  EXPECT_EQ(metrics_without_seconds(), expected_lines);
  EXPECT_EQ(result.steps, 12);
  EXPECT_EQ(result.before.kernel, expected.before.kernel);
  EXPECT_EQ(result.before.target, expected.before.target);
  EXPECT_EQ(result.after.kernel, expected.after.kernel);
  EXPECT_EQ(result.after.target, expected.after.target);
}

INSTANTIATE_TEST_SUITE_P(Both, TransferResumeTest, testing::Values(KernelMode::exact, KernelMode::sketch),
                         [](const auto& test) { return test.param == KernelMode::exact ? "exact" : "sketch"; });

/// The step that a checkpoint is of.
std::int64_t checkpoint_step(const std::filesystem::path& path) {
  return read_safetensors(path).at("adam.steps").item<std::int64_t>();
}

TEST_F(TransferTest, WritesACheckpointAtTheStartAndThenAsOftenAsAsked) {
  options_.checkpoint_seconds = 1e9;
  run();
  EXPECT_EQ(checkpoint_step(folder_ / kCheckpointFile), 0);
  options_.checkpoint_seconds = 0;
  run();
  EXPECT_EQ(checkpoint_step(folder_ / kCheckpointFile), 12);
}

TEST_F(TransferTest, AnOldCheckpointLeadsToTheSameEnd) {
  options_.checkpoint_seconds = 1e9;
  const Network whole = run();
  const std::vector<nlohmann::json> expected_lines = metrics_without_seconds();
  options_.resume = true;  // from step 0, as after a kill before the second checkpoint
  Network again = draw(graph_, 20, at::kFloat);
  transfer(teacher_, again, inputs_, options_);
  EXPECT_TRUE(identical(whole, again));
  EXPECT_EQ(metrics_without_seconds(), expected_lines);
}

TEST_F(TransferTest, ADivergingRunNamesTheStepAndTheLastGoodCheckpoint) {
  options_.step.learning_rate = 1e15;
  options_.checkpoint_seconds = 0;
  Network student = this->student();
  const std::string path = (folder_ / kCheckpointFile).string();
  EXPECT_THAT(message_of<RunError>([&] { transfer(teacher_, student, inputs_, options_); }),
              AllOf(HasSubstr("at step 2;"), HasSubstr("of step 1, in " + path), HasSubstr("learning rate")));
  for (const auto& [name, tensor] : read_safetensors(path).tensors) {
    EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
  }
}

TEST_F(TransferTest, ALastStepThatDivergesFailsTheRunToo) {
  options_.step.learning_rate = 1e15;
  options_.steps = 1;
  Network student = this->student();
  EXPECT_THAT(message_of<RunError>([&] { transfer(teacher_, student, inputs_, options_); }),
              AllOf(HasSubstr("at step 1;"), HasSubstr("of step 0")));
  EXPECT_THAT(evaluated_steps(), ElementsAre(0));
}

TEST_F(TransferTest, WeightsThatAreNotFiniteNeverReachACheckpoint) {
  options_.step.learning_rate = 1e39;  // infinite in float32: the first step's loss is fine, its weights are not
  options_.checkpoint_seconds = 0;
  Network student = this->student();
  EXPECT_THAT(message_of<RunError>([&] { transfer(teacher_, student, inputs_, options_); }), HasSubstr("of step 0"));
  EXPECT_EQ(checkpoint_step(folder_ / kCheckpointFile), 0);
}

TEST_F(TransferTest, SaysWhichOptionDoesNotFitTheInputs) {
  options_.batch_size = 1;
  EXPECT_THAT(input_error(), AllOf(HasSubstr("batch size is 1"), HasSubstr("2")));
  options_.batch_size = 91;
  EXPECT_THAT(input_error(), AllOf(HasSubstr("batch size 91"), HasSubstr("90 training inputs")));
  options_.batch_size = 90;
  options_.held_out = 0.001;
  EXPECT_THAT(input_error(), AllOf(HasSubstr("held-out share"), HasSubstr("at least 2")));
  options_.held_out = 0;
  EXPECT_THAT(input_error(), HasSubstr("held-out share"));
}

TEST_F(TransferTest, BeginsAtTheGoalWhereNoMaskUpdateWouldFollow) {
  options_.step.density_schedule = DensitySchedule::cubic;
  for (const std::int64_t interval : {0, 6, 100}) {
    options_.step.mask_interval = interval;
    EXPECT_NEAR(student().density(), 0.3, 0.02);
    options_.out = folder_ / std::to_string(interval);
    std::filesystem::create_directories(options_.out);
    EXPECT_NEAR(run().density(), 0.3, 0.02);
  }
  options_.step.mask_interval = 5;
  options_.out = folder_ / "falling";
  std::filesystem::create_directories(options_.out);
  EXPECT_EQ(student().density(), 1);
  EXPECT_NEAR(run().density(), 0.3, 0.02);
}

TEST_F(TransferTest, SaysThatInputsAreNotFinite) {
  const at::Tensor held_out = split_indices(kInputs, 0.1, options_.step.seed).held_out;
  inputs_[held_out[0].item<std::int64_t>()].fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(input_error(), HasSubstr("not finite"));
}

TEST_F(TransferTest, RefusesToResumeFromNothingOrFromAnotherNetworksRun) {
  options_.resume = true;
  EXPECT_THAT(input_error(), AllOf(HasSubstr(folder_.string()), HasSubstr("no checkpoint.safetensors")));
  options_.resume = false;
  run();
  options_.resume = true;
  const std::string path = (folder_ / kCheckpointFile).string();
  const Network teacher = draw(small_network("strided"), 1, at::kFloat);
  Network other = teacher.clone();
  const at::Tensor inputs = draw_inputs(teacher.graph(), kInputs, 2, at::kFloat);
  EXPECT_THAT(message_of<InputError>([&] { transfer(teacher, other, inputs, options_); }), HasSubstr(path));
  write_safetensors(path, {{{"a", at::zeros({2})}}, {}, {}});
  EXPECT_THAT(input_error(), HasSubstr(path));
}

TEST_F(TransferTest, InitialStudentIsTheTeacherUnderItsFirstMask) {
  const auto expect_mask = [&](const Scores& scores, double density) {
    Network expected = teacher_.clone();
    mask_by_scores(expected, scores, density, options_.step.scope);
    EXPECT_TRUE(identical(student(), expected));
  };
  for (const Scope scope : {Scope::layer, Scope::global}) {
    options_.step.scope = scope;
    options_.initial_mask = InitialMask::magnitude;
    expect_mask(magnitude_scores(teacher_), 0.3);
    options_.initial_mask = InitialMask::logit_snip;
    expect_mask(logit_snip_scores(teacher_, inputs_), 0.3);
  }
  options_.step.density_schedule = DensitySchedule::cubic;
  EXPECT_EQ(student().density(), 1) << "a falling density begins dense";
}

}  // namespace
}  // namespace ntt
