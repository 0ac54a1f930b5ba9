#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "ntt/kernel/probes.h"
#include "tests/transfer/objective_oracle.h"
#include "tests/transfer/steps.h"

namespace ntt {
namespace {

using namespace testing_support;
using namespace transfer_steps;
using testing::ElementsAre;

std::vector<at::Tensor> masks_of(const Network& network) {
  std::vector<at::Tensor> masks;
  for (const Parameter* parameter : network.parameters()) {
    if (parameter->prunable) {
      masks.push_back(parameter->mask());
    }
  }
  return masks;
}

/// The method once more: autograd's derivatives of the whole loss, weight penalty and all, by the unmasked weights;
/// Adam as its paper has it; masks by sorting magnitudes.
class Reference {
 public:
  Reference(const Network& teacher, const Network& student, StepOptions options, std::int64_t total_steps)
      : teacher_(teacher), student_(student.clone()), options_(options), total_steps_(total_steps) {
    for (const Parameter* parameter : student.parameters()) {
      first_.push_back(at::zeros_like(parameter->value));
      second_.push_back(at::zeros_like(parameter->value));
    }
  }

  void step(const at::Tensor& inputs) {
    const oracle::TangentModel student = oracle::tangent_model(student_, inputs);
    at::Tensor loss =
        oracle::objective(options_.objective, oracle::tangent_model(teacher_, inputs), student, probes(inputs.size(0)))
            .loss;
    const double decay = options_.weight_decay / density_at(options_, steps_, total_steps_);
    for (std::size_t i = 0; i < first_.size(); ++i) {
      if (student_.parameters()[i]->prunable) {
        loss = loss + decay * student.leaves.effective[i].square().sum();
      }
    }
    const std::vector<at::Tensor> gradients = oracle::gradients(loss, student.leaves.value);
    ++steps_;
    for (std::size_t i = 0; i < first_.size(); ++i) {
      adam(*student_.parameters()[i], gradients[i].detach(), first_[i], second_[i]);
    }
    if (steps_ % options_.mask_interval == 0 && steps_ < total_steps_ - options_.mask_interval) {
      update_masks();
    }
  }

  const Network& student() const { return student_; }

 private:
  Probes probes(std::int64_t inputs) const {
    if (options_.kernel == KernelMode::exact) {
      return {unit_probes(inputs, student_.outputs(), at::kDouble), true};
    }
    RandomStream stream(options_.seed, "probes", static_cast<std::uint64_t>(steps_));
    return {random_probes(stream, inputs, options_.probes, student_.outputs(), at::kDouble), false};
  }

  void adam(Parameter& parameter, const at::Tensor& gradient, at::Tensor& first, at::Tensor& second) const {
    const auto t = static_cast<double>(steps_);
    first = 0.9 * first + 0.1 * gradient;
    second = 0.999 * second + 0.001 * gradient.square();
    const at::Tensor unbiased_first = first / (1 - std::pow(0.9, t));
    const at::Tensor unbiased_second = second / (1 - std::pow(0.999, t));
    parameter.value.sub_(options_.learning_rate * unbiased_first / (unbiased_second.sqrt() + 1e-8));
    parameter.refresh();
  }

  void update_masks() {
    const double density = density_at(options_, steps_, total_steps_);
    std::vector<at::Tensor> magnitudes;
    for (const Parameter* parameter : student_.parameters()) {
      if (parameter->prunable) {
        magnitudes.push_back(parameter->value.abs().flatten());
      }
    }
    for (Parameter* parameter : student_.parameters()) {
      if (parameter->prunable) {
        const at::Tensor magnitude = parameter->value.abs();
        const at::Tensor among = options_.scope == Scope::global ? at::cat(magnitudes) : magnitude.flatten();
        const auto pruned = static_cast<std::int64_t>((1 - density) * static_cast<double>(among.numel()));
        const at::Tensor sorted = std::get<0>(among.sort());
        parameter->set_mask(pruned == 0 ? at::ones_like(magnitude) : magnitude.gt(sorted[pruned - 1]).to(at::kDouble));
      }
    }
  }

  const Network& teacher_;
  Network student_;
  StepOptions options_;
  std::int64_t total_steps_;
  std::int64_t steps_ = 0;
  std::vector<at::Tensor> first_;
  std::vector<at::Tensor> second_;
};

/// The worst relative error of a run's weights, which Adam enlarges where gradients are near zero, against the
/// reference's; infinity where the masks differ.
double error_against_reference(const std::string& name, const StepOptions& options) {
  const Graph& graph = small_network(name);
  const Network teacher = draw(graph, 1);
  constexpr std::int64_t kSteps = 18;
  Network student = masked_copy(teacher, density_at(options, 0, kSteps), options.scope);
  Reference reference(teacher, student, options, kSteps);
  Stepper stepper(teacher, student, options, kSteps);
  double worst = 0;
  for (std::int64_t t = 0; t < kSteps; ++t) {
    const at::Tensor inputs = batch(graph, t);
    stepper.step(inputs);
    reference.step(inputs);
    for (std::size_t i = 0; i < student.parameters().size(); ++i) {
      const Parameter& expected = *reference.student().parameters()[i];
      worst = std::max(worst, relative_error(student.parameters()[i]->effective, expected.effective));
    }
  }
  EXPECT_EQ(stepper.steps(), kSteps);
  for (const Parameter* expected : std::as_const(reference.student()).parameters()) {
    worst = std::max(worst, relative_error(saved(stepper, expected->name), expected->value));
  }
  return worst;
}

TEST(Stepper, IsAdamOnTheWholeLossThroughMasksThatFollowTheMagnitudes) {
  for (const char* name : {"mlp-tanh", "lenet", "residual-cnn"}) {
    for (const Scope scope : {Scope::layer, Scope::global}) {
      StepOptions options = quick_options();
      options.scope = scope;
      options.weight_decay = 0.01;
      options.learning_rate = 0.01;
      EXPECT_LT(error_against_reference(name, options), 1e-6) << name << ", exact";
      options.density = 0.15;
      EXPECT_LT(error_against_reference(name, options), 1e-6) << name << ", exact, keeping few";
      options.kernel = KernelMode::sketch;
      options.probes = 2;
      options.objective.pairs = Pairs::all;
      options.objective.parameters = ParameterSet::active;
      options.density_schedule = DensitySchedule::cubic;
      EXPECT_LT(error_against_reference(name, options), 1e-6) << name << ", sketch with falling density";
    }
  }
}

TEST(Stepper, IsAdamOnEveryKindOfGraph) {
  // Not attention: no output depends on the keys' bias, and Adam makes steps of what rounding leaves of its gradient.
  for (const char* name : {"residual-bn", "separable", "tied", "conv1d"}) {
    StepOptions options = quick_options();
    options.weight_decay = 0.01;
    options.learning_rate = 0.01;
    options.objective.statistics = StudentStatistics::frozen;
    EXPECT_LT(error_against_reference(name, options), 1e-6) << name << ", exact";
    options.kernel = KernelMode::sketch;
    options.objective.parameters = ParameterSet::active;
    EXPECT_LT(error_against_reference(name, options), 1e-6) << name << ", sketch";
  }
}

TEST(Stepper, WeightPenaltyIsThatOfTheKeptWeightsOverTheDensity) {
  for (const double density : {0.25, 1.0}) {
    const Graph& graph = small_network("lenet");
    const Network teacher = masked_copy(draw(graph, 1), density);
    Network student = teacher.clone();  // so that both distances and their derivatives vanish
    StepOptions options = quick_options();
    options.objective.kernel_weight = 0;
    options.weight_decay = 0.3;
    options.density = density;
    Stepper stepper(teacher, student, options, 100);
    EXPECT_EQ(stepper.step(batch(graph, 0)).target, 0);
    for (std::size_t i = 0; i < student.parameters().size(); ++i) {
      const Parameter& before = *teacher.parameters()[i];
      // Adam's first moment after one step is a tenth of the gradient.
      const at::Tensor gradient = saved(stepper, before.name + ".adam_first") * 10;
      if (before.prunable) {
        EXPECT_LT(relative_error(gradient, 2 * 0.3 / density * before.value * before.mask()), 1e-14) << before.name;
      } else {
        EXPECT_EQ(gradient.abs().max().item<double>(), 0) << before.name;
      }
    }
  }
}

TEST(Stepper, WithoutPenaltyFromTheTeacherItselfStaysThere) {
  const Graph& graph = small_network("mlp");
  const Network teacher = draw(graph, 1);
  Network student = masked_copy(teacher, 1);
  StepOptions options = quick_options();
  options.weight_decay = 0;
  options.density = 1;
  Stepper stepper(teacher, student, options, 10);
  for (std::int64_t t = 0; t < 10; ++t) {
    const Distances distances = stepper.step(batch(graph, t));
    EXPECT_EQ(distances.kernel, 0);
    EXPECT_EQ(distances.target, 0);
  }
  EXPECT_TRUE(identical(student, masked_copy(teacher, 1)));
}

TEST(Stepper, APrunedWeightHasNoGradientAndTheMomentsCarryOnWhenMasksChange) {
  const Graph& graph = small_network("mlp");
  const Network teacher = draw(graph, 1);
  Network student = masked_copy(teacher, 0.3);
  Stepper stepper(teacher, student, quick_options(), 30);
  const std::string name = "fc1.weight";
  at::Tensor moment = at::zeros_like(student.parameters()[0]->value);
  std::int64_t pruned_with_moments = 0;
  for (std::int64_t t = 0; t < 30; ++t) {
    const at::Tensor pruned = student.parameters()[0]->mask().eq(0);
    stepper.step(batch(graph, t));
    const at::Tensor after = saved(stepper, name + ".adam_first");
    EXPECT_TRUE(at::equal(after.masked_select(pruned), (0.9 * moment).masked_select(pruned))) << "step " << t;
    EXPECT_EQ(at::count_nonzero(after.masked_select(~pruned)).item<std::int64_t>(),
              (~pruned).sum().item<std::int64_t>());
    pruned_with_moments += at::count_nonzero(after.masked_select(pruned)).item<std::int64_t>();
    moment = after;
  }
  EXPECT_GT(pruned_with_moments, 0) << "no weight was pruned on the way, so nothing was tried";
}

TEST(Stepper, AWeightPrunedFromTheStartStaysPutAndReturnsWithItsValue) {
  const Graph& graph = small_network("mlp");
  const Network teacher = draw(graph, 1);
  Network student = masked_copy(teacher, 0.3);
  Stepper stepper(teacher, student, quick_options(), 40);
  const at::Tensor start = teacher.parameters()[0]->value;
  const Parameter& weight = *student.parameters()[0];
  at::Tensor never_kept = weight.mask().eq(0);
  std::int64_t returned = 0;
  for (std::int64_t t = 0; t < 40; ++t) {
    stepper.step(batch(graph, t));
    EXPECT_TRUE(at::equal(weight.value.masked_select(never_kept), start.masked_select(never_kept)));
    const at::Tensor returning = never_kept & weight.mask().ne(0);
    EXPECT_TRUE(at::equal(weight.effective.masked_select(returning), start.masked_select(returning)));
    returned += returning.sum().item<std::int64_t>();
    never_kept = never_kept & weight.mask().eq(0);
    EXPECT_EQ(at::count_nonzero(weight.effective.masked_select(weight.mask().eq(0))).item<std::int64_t>(), 0);
  }
  EXPECT_GT(returned, 0);
}

/// After which of the steps the masks differ from those before, at a learning rate that moves them every time.
std::vector<std::int64_t> steps_with_new_masks(std::int64_t total, std::int64_t interval) {
  const Graph& graph = small_network("lenet");
  const Network teacher = draw(graph, 1);
  Network student = masked_copy(teacher, 0.3);
  StepOptions options = quick_options();
  options.mask_interval = interval;
  Stepper stepper(teacher, student, options, total);
  std::vector<std::int64_t> changed;
  for (std::int64_t t = 1; t <= total; ++t) {
    const std::vector<at::Tensor> before = masks_of(student);
    stepper.step(batch(graph, t));
    const std::vector<at::Tensor> after = masks_of(student);
    if (!std::equal(before.begin(), before.end(), after.begin(), [](auto& a, auto& b) { return at::equal(a, b); })) {
      changed.push_back(t);
    }
  }
  return changed;
}

TEST(Stepper, UpdatesMasksEveryIntervalButTheLastOnes) {
  EXPECT_THAT(steps_with_new_masks(25, 5), ElementsAre(5, 10, 15));
  EXPECT_THAT(steps_with_new_masks(26, 5), ElementsAre(5, 10, 15, 20));
  EXPECT_THAT(steps_with_new_masks(10, 5), ElementsAre());
  EXPECT_THAT(steps_with_new_masks(10, 0), ElementsAre());
  EXPECT_THAT(steps_with_new_masks(4, 1), ElementsAre(1, 2));
}

void expect_resumed_bit_by_bit(const Graph& graph, Execution execution) {
  const Network teacher = draw(graph, 1, at::kFloat);
  StepOptions options = quick_options();
  options.kernel = KernelMode::sketch;
  options.density_schedule = DensitySchedule::cubic;
  options.density = 0.1;
  options.execution = execution;
  Network whole = masked_copy(teacher, 1);
  Stepper uninterrupted(teacher, whole, options, 20);
  for (std::int64_t t = 0; t < 20; ++t) {
    uninterrupted.step(batch(graph, t, at::kFloat));
  }
  TensorFile checkpoint;
  Network last = masked_copy(teacher, 0.5);
  for (std::int64_t first = 0; first < 20; first += 5) {
    Network part = masked_copy(teacher, first == 0 ? 1 : 0.5);  // a resumed run's first masks do not count
    Stepper stepper(teacher, part, options, 20);
    if (first > 0) {
      stepper.load(checkpoint);
    }
    for (std::int64_t t = first; t < first + 5; ++t) {
      stepper.step(batch(graph, t, at::kFloat));
    }
    checkpoint = {};
    stepper.save(checkpoint);
    last = part.clone();
  }
  saved(uninterrupted, "adam.steps");  // which lets pruned weights catch up
  EXPECT_TRUE(identical(whole, last));
}

class ResumedStepperTest : public testing::TestWithParam<Execution> {};

INSTANTIATE_TEST_SUITE_P(Executions, ResumedStepperTest, testing::Values(Execution::dense, Execution::sparse),
                         [](const auto& parameter) { return to_string(parameter.param); });

TEST_P(ResumedStepperTest, LoadedFromACheckpointGoesOnBitByBit) {
  for (const char* name : {"lenet", "residual-bn", "tied"}) {
    SCOPED_TRACE(name);
    expect_resumed_bit_by_bit(small_network(name), GetParam());
  }
}

TEST(Stepper, SparseProductsFindTheGradientsOfDenseOnes) {
  for (const std::string& name : small_network_names()) {
    const Graph& graph = small_network(name);
    const Network teacher = draw(graph, 1, at::kFloat);
    for (const KernelMode kernel : {KernelMode::exact, KernelMode::sketch}) {
      StepOptions options = quick_options();
      options.density = 0.2;
      options.kernel = kernel;
      options.mask_interval = 0;
      const auto gradients = [&](Execution execution) {
        options.execution = execution;
        Network student = masked_copy(teacher, options.density);
        Stepper stepper(teacher, student, options, 10);
        stepper.step(batch(graph, 0, at::kFloat));
        std::vector<at::Tensor> moments;
        for (const Parameter* parameter : std::as_const(student).parameters()) {
          moments.push_back(saved(stepper, parameter->name + ".adam_first"));
        }
        return moments;
      };
      EXPECT_LT(relative_error(gradients(Execution::sparse), gradients(Execution::dense)), 1e-4)
          << name << (kernel == KernelMode::exact ? ", exact" : ", sketch");
    }
  }
}

TEST(Stepper, LeavesTheStudentAsItCame) {
  const Graph& graph = small_network("mlp");
  const Network teacher = draw(graph, 1, at::kFloat);
  Network student = masked_copy(teacher, 0.1);
  StepOptions options = quick_options();
  options.density = 0.1;
  options.execution = Execution::sparse;
  at::Tensor value;
  {
    Stepper stepper(teacher, student, options, 20);
    EXPECT_NE(student.parameters_of(0).products, nullptr);
    for (std::int64_t t = 0; t < 6; ++t) {
      stepper.step(batch(graph, t, at::kFloat));
    }
    value = student.parameters()[0]->value.clone();
  }
  EXPECT_EQ(student.parameters_of(0).products, nullptr);
  EXPECT_FALSE(at::equal(student.parameters()[0]->value, value)) << "pruned weights were to catch up";
}

TEST(Stepper, SketchesWithFreshProbesEachStepThatTheSeedDecides) {
  const Graph& graph = small_network("mlp");
  const Network teacher = draw(graph, 1);
  StepOptions options = quick_options();
  options.kernel = KernelMode::sketch;
  options.learning_rate = 0;
  const auto distances = [&](std::uint64_t seed) {
    options.seed = seed;
    Network student = masked_copy(teacher, 0.3);
    Stepper stepper(teacher, student, options, 100);
    return std::vector<double>{stepper.step(batch(graph, 0)).kernel, stepper.step(batch(graph, 0)).kernel};
  };
  const std::vector<double> first = distances(1);
  EXPECT_EQ(first, distances(1));
  EXPECT_NE(first, distances(2));
  EXPECT_NE(first[0], first[1]) << "the second step, on the same batch, has other probes";
  options.kernel = KernelMode::exact;
  EXPECT_EQ(distances(1), distances(2));
  EXPECT_EQ(distances(1)[0], distances(1)[1]);
}

}  // namespace
}  // namespace ntt
