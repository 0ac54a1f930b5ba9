#include "ntt/train/tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"
#include "ntt/kernel/empirical_ntk.h"
#include "tests/io/temporary_folder.h"
#include "tests/train/small_problem.h"

namespace ntt {
namespace {

using testing::HasSubstr;

/// A short training on glyphs that follows 70 inputs, more than a block of the kernel.
class TrackerTest : public TemporaryFolderTest {
 protected:
  TrackerTest() {
    options_.out = folder_ / "run";
    options_.track = kTracked;
  }

  TensorFile track() const { return read_safetensors(options_.out / kTrackFile); }
  std::vector<nlohmann::json> lines() const { return read_metrics(options_.out / kMetricsFile); }
  at::Tensor tracked_inputs() const {
    const at::Tensor held_out = split_indices(960, options_.held_out, options_.seed).held_out;
    return small_glyphs().train_inputs.index_select(0, held_out.narrow(0, 0, kTracked));
  }
  /// Θ [N, N, C, C] of the active parameters, in blocks of another size than the tracker's.
  at::Tensor kernel_of(const Network& network) const {
    const KernelInputs inputs{tracked_inputs(), {}};
    return empirical_ntk(network, inputs, inputs, ParameterSet::active, 35).to(at::kDouble);
  }

  static constexpr std::int64_t kTracked = 70;
  TrainingOptions options_ = quick_options(45);
};

void expect_close(const at::Tensor& found, const at::Tensor& wanted) {
  ASSERT_EQ(found.sizes(), wanted.sizes());
  const double scale = wanted.abs().max().item<double>();
  EXPECT_LT((found.to(at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>(), 1e-5 * scale);
}

TEST_F(TrackerTest, RecordsOutputsAndMeanKernelAtEveryEvaluation) {
  const Network start = glyph_network();
  Network network = start.clone();
  train(network, small_glyphs(), options_);
  const TensorFile file = track();
  EXPECT_TRUE(at::equal(file.at("steps"), at::tensor({0, 20, 40, 45}, at::kLong)));
  const at::Tensor held_out = split_indices(960, 0.1, options_.seed).held_out.narrow(0, 0, kTracked);
  EXPECT_TRUE(at::equal(file.at("inputs"), held_out));
  EXPECT_TRUE(at::equal(file.at("labels"), small_glyphs().train_labels.index_select(0, held_out)));
  EXPECT_EQ(file.at("outputs").sizes(), at::IntArrayRef({4, kTracked, 10}));
  EXPECT_EQ(file.at("kernel").sizes(), at::IntArrayRef({4, kTracked, kTracked}));
  EXPECT_EQ(file.metadata.at("parameters"), "active");
  for (const auto& [index, then] : {std::pair(0, &start), std::pair(3, static_cast<const Network*>(&network))}) {
    const at::Tensor kernel = kernel_of(*then);
    expect_close(file.at("outputs")[index], then->predict(tracked_inputs()));
    expect_close(file.at("kernel")[index], kernel.diagonal(0, 2, 3).mean(-1));
    EXPECT_TRUE(at::allclose(file.at("kernel")[index], file.at("kernel")[index].t(), 1e-5));
    EXPECT_GT(file.at("kernel")[index].diagonal().min().item<float>(), 0);
  }
  EXPECT_FALSE(lines().front().contains("kernel_distance")) << "there is no teacher to measure it to";
}

TEST_F(TrackerTest, MeasuresTheDistancesToTheTeacher) {
  const Network teacher = glyph_network(1.0);
  Network network = glyph_network();
  const at::Tensor kernel_before = kernel_of(network);
  options_.teacher = &teacher;
  train(network, small_glyphs(), options_);
  const at::Tensor reference = kernel_of(teacher);
  const auto expect_distances = [&](const nlohmann::json& line, const at::Tensor& kernel) {
    const double distance = (kernel - reference).square().mean().item<double>();
    const double cosine = ((kernel * reference).sum() / (kernel.norm() * reference.norm())).item<double>();
    EXPECT_NEAR(line.at("kernel_distance").get<double>(), distance, 1e-5 * distance);
    EXPECT_NEAR(line.at("kernel_alignment").get<double>(), cosine, 1e-6);
  };
  expect_distances(lines().front(), kernel_before);
  expect_distances(lines().back(), kernel_of(network));
  const at::Tensor difference = network.predict(tracked_inputs()) - teacher.predict(tracked_inputs());
  const double target = difference.square().mean().item<double>();
  EXPECT_NEAR(lines().back().at("target_distance").get<double>(), target, 1e-5 * target);
}

TEST_F(TrackerTest, ATeacherIsAtNoDistanceFromItself) {
  const Network teacher = glyph_network();
  Network network = teacher.clone();
  options_.teacher = &teacher;
  train(network, small_glyphs(), options_);
  EXPECT_EQ(lines().front().at("kernel_distance"), 0);
  EXPECT_EQ(lines().front().at("target_distance"), 0);
  EXPECT_NEAR(lines().front().at("kernel_alignment").get<double>(), 1, 1e-12);
  EXPECT_GT(lines().back().at("kernel_distance"), 0);
}

TEST_F(TrackerTest, DoesNotDisturbTheTraining) {
  Network tracked = glyph_network();
  Network plain = tracked.clone();
  const Network teacher = tracked.clone();
  options_.teacher = &teacher;
  train(tracked, small_glyphs(), options_);
  options_.track = 0;
  options_.out = folder_ / "plain";
  train(plain, small_glyphs(), options_);
  EXPECT_TRUE(identical(tracked, plain));
  EXPECT_FALSE(std::filesystem::exists(options_.out / kTrackFile));
  EXPECT_FALSE(lines().front().contains("kernel_distance"));
}

TEST_F(TrackerTest, TakesTrainingInputsWhereNoneAreHeldOutAndNoMoreThanThereAre) {
  options_.held_out = 0;
  Network network = glyph_network();
  train(network, small_glyphs(), options_);
  EXPECT_TRUE(at::equal(track().at("inputs"), at::arange(kTracked, at::kLong)));
  options_.track = 961;
  EXPECT_THAT(message_of<InputError>([&] { train(network, small_glyphs(), options_); }),
              HasSubstr("961 inputs are to be tracked, but there are 960 training inputs"));
  options_.held_out = 0.1;
  EXPECT_THAT(message_of<InputError>([&] { train(network, small_glyphs(), options_); }), HasSubstr("96 held-out"));
}

}  // namespace
}  // namespace ntt
