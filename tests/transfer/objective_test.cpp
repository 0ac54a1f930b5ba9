#include "ntt/transfer/objective.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ntt/kernel/probes.h"
#include "ntt/nn/statistics.h"
#include "tests/support/networks.h"
#include "tests/transfer/objective_oracle.h"

namespace ntt {
namespace {

using namespace testing_support;

/// With running statistics that stay, so that a loss can be taken again and again.
ObjectiveOptions frozen(double kernel_weight, Pairs pairs, ParameterSet parameters) {
  return {kernel_weight, pairs, parameters, StudentStatistics::frozen};
}

/// One way to ask for the objective; 0 probes: the exact one.
struct Case {
  Pairs pairs;
  ParameterSet parameters;
  std::int64_t probes;
  double kernel_weight;

  ObjectiveOptions options() const { return frozen(kernel_weight, pairs, parameters); }
};

std::ostream& operator<<(std::ostream& stream, const Case& at) {
  return stream << (at.pairs == Pairs::all ? "all pairs, " : "cross, ")
                << (at.parameters == ParameterSet::all ? "all parameters, " : "active parameters, ") << at.probes
                << " probes, kernel weight " << at.kernel_weight;
}

std::vector<Case> cases() {
  std::vector<Case> result;
  for (const Pairs pairs : {Pairs::cross, Pairs::all}) {
    for (const ParameterSet parameters : {ParameterSet::all, ParameterSet::active}) {
      for (const std::int64_t probes : {0, 1, 2}) {
        result.push_back({pairs, parameters, probes, 0.5});
      }
    }
    result.push_back({pairs, ParameterSet::all, 0, 0});
  }
  return result;
}

Probes draw_probes(std::int64_t inputs, std::int64_t outputs, std::int64_t probes, std::uint64_t index = 0,
                   at::ScalarType dtype = at::kDouble) {
  if (probes == 0) {
    return {unit_probes(inputs, outputs, dtype), true};
  }
  RandomStream stream(5, "test-probes", index);
  return {random_probes(stream, inputs, probes, outputs, dtype), false};
}

/// A teacher, a student of other weights under a mask, and a batch.
struct Problem {
  explicit Problem(const Graph& graph, std::int64_t count = 5)
      : teacher(draw(graph, 11)), student(draw(graph, 12)), inputs(draw_inputs(graph, count, 13)), gradients(student) {
    mask_at_random(student, 0.5, 14);
  }

  void to(at::ScalarType dtype) {
    teacher.to(at::kCPU, dtype);
    student.to(at::kCPU, dtype);
    inputs = inputs.to(dtype);
    gradients = Gradients(student);
  }
  Probes probes(std::int64_t count, std::uint64_t index = 0) const {
    return draw_probes(inputs.size(0), teacher.outputs(), count, index, teacher.dtype());
  }
  Distances run(const ObjectiveOptions& options, const Probes& directions) {
    gradients.zero();
    return add_objective_gradient(options, teacher, student, inputs, directions, gradients);
  }
  /// By the student's parameters, of the last run; they share its memory.
  std::vector<at::Tensor> parts() const { return parts_of(gradients, student); }
  double loss(const ObjectiveOptions& options, const Probes& directions) {
    const Distances distances = run(options, directions);
    return options.kernel_weight * distances.kernel + distances.target;
  }

  Network teacher;
  Network student;
  at::Tensor inputs;
  Gradients gradients;
};

/// The worst relative errors over all cases of the distances and of the gradient, against autograd.
struct Errors {
  double distances = 0;
  double gradient = 0;
};

Errors errors_against_autograd(Problem& problem) {
  const oracle::TangentModel teacher = oracle::tangent_model(problem.teacher, problem.inputs);
  const oracle::TangentModel student = oracle::tangent_model(problem.student, problem.inputs);
  Errors worst;
  for (const Case& at : cases()) {
    const Probes probes = problem.probes(at.probes);
    const oracle::Objective expected = oracle::objective(at.options(), teacher, student, probes);
    const Distances distances = problem.run(at.options(), probes);
    const double kernel = at.kernel_weight == 0 ? 0 : expected.kernel.item<double>();
    const double target = expected.target.item<double>();
    worst.distances = std::max({worst.distances, std::abs(distances.kernel - kernel) / std::max(kernel, 1e-300),
                                std::abs(distances.target - target) / target});
    const double gradient = relative_error(problem.parts(), oracle::gradients(expected.loss, student.leaves.effective));
    EXPECT_LT(gradient, 1e-8) << at;
    worst.gradient = std::max(worst.gradient, gradient);
  }
  return worst;
}

/// At random, -1 where none is kept. Around a pruned weight's zero a max-pool's ties break either way, so that the loss
/// may have a kink there.
std::int64_t kept_entry(const Parameter& parameter, RandomStream& stream) {
  const at::Tensor entries = parameter.effective.flatten().nonzero().flatten();
  if (entries.numel() == 0) {
    return -1;
  }
  return entries[static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(entries.numel())))]
      .item<std::int64_t>();
}

class ObjectiveTest : public testing::TestWithParam<std::string> {
 protected:
  const Graph& graph() const { return small_network(GetParam()); }
};

TEST_P(ObjectiveTest, DistancesAndGradientAreAutogradsThroughItsOwnDerivatives) {
  Problem problem(graph());
  const Errors worst = errors_against_autograd(problem);
  EXPECT_LT(worst.distances, 1e-10);
  RecordProperty("worst", std::to_string(std::log10(worst.gradient)));
}

TEST_P(ObjectiveTest, WithoutMasksTooTheGradientIsAutograds) {
  Problem problem(graph(), 2);
  problem.student = draw(graph(), 15);
  EXPECT_LT(errors_against_autograd(problem).distances, 1e-10);
}

TEST_P(ObjectiveTest, GradientIsTheSlopeOfTheLoss) {
  Problem problem(graph(), 4);
  RandomStream stream(3, "test-entries");
  constexpr double kStep = 1e-5;
  for (const Case& at : cases()) {
    const Probes probes = problem.probes(at.probes);
    problem.run(at.options(), probes);
    std::vector<at::Tensor> gradients;
    double largest = 0;
    for (const at::Tensor& gradient : problem.parts()) {
      gradients.push_back(gradient.clone());
      largest = std::max(largest, gradient.abs().max().item<double>());
    }
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      Parameter& parameter = *problem.student.parameters()[i];
      const std::int64_t entry = kept_entry(parameter, stream);
      if (entry < 0) {
        continue;
      }
      double& weight = parameter.effective.data_ptr<double>()[entry];
      const double before = weight;
      weight = before + kStep;
      const double above = problem.loss(at.options(), probes);
      weight = before - kStep;
      const double below = problem.loss(at.options(), probes);
      weight = before;
      EXPECT_NEAR(gradients[i].data_ptr<double>()[entry], (above - below) / (2 * kStep), 1e-6 * largest)
          << at << ", " << parameter.name << "[" << entry << "]";
    }
  }
}

TEST_P(ObjectiveTest, AsManyOrthogonalProbesAsOutputsAreExact) {
  Problem problem(graph());
  for (const Pairs pairs : {Pairs::cross, Pairs::all}) {
    for (const ParameterSet parameters : {ParameterSet::all, ParameterSet::active}) {
      const ObjectiveOptions options = frozen(0.5, pairs, parameters);
      const Distances exact = problem.run(options, problem.probes(0));
      std::vector<at::Tensor> expected;
      for (const at::Tensor& gradient : problem.parts()) {
        expected.push_back(gradient.clone());
      }
      const Distances sketch = problem.run(options, problem.probes(problem.teacher.outputs()));
      EXPECT_NEAR(sketch.kernel, exact.kernel, 1e-12 * exact.kernel);
      EXPECT_EQ(sketch.target, exact.target);
      EXPECT_LT(relative_error(problem.parts(), expected), 1e-11);
    }
  }
}

TEST_P(ObjectiveTest, InFloat32ToItsRounding) {
  Problem problem(graph());
  for (const Case& at : cases()) {
    problem.to(at::kDouble);
    const Probes probes = problem.probes(at.probes);
    const Distances expected = problem.run(at.options(), probes);
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& gradient : problem.parts()) {
      gradients.push_back(gradient.clone());
    }
    problem.to(at::kFloat);
    const Distances distances = problem.run(at.options(), {probes.directions.to(at::kFloat), probes.exact});
    EXPECT_NEAR(distances.kernel, expected.kernel, 1e-4 * expected.kernel) << at;
    EXPECT_NEAR(distances.target, expected.target, 1e-4 * expected.target) << at;
    EXPECT_LT(relative_error(problem.parts(), gradients), 1e-3) << at;
  }
}

TEST_P(ObjectiveTest, AParameterThatIsNotANumberShowsInBothDistances) {
  for (const std::int64_t probes : {0, 1}) {
    for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
      Problem problem(graph());
      problem.to(dtype);
      Parameter& bias = *problem.student.parameters()[1];
      bias.value[0] = std::numeric_limits<double>::quiet_NaN();
      bias.refresh();
      const Distances distances = problem.run({}, problem.probes(probes));
      EXPECT_TRUE(std::isnan(distances.target));
      // The kernel of a single linear layer depends on no parameter.
      EXPECT_EQ(std::isnan(distances.kernel), GetParam() != "one-linear");
    }
  }
}

TEST_P(ObjectiveTest, StatisticsAreConstantsWhereverTheyComeFrom) {
  const std::vector<std::pair<StudentStatistics, Statistics>> ways{
      {StudentStatistics::frozen, Statistics::running},
      {StudentStatistics::running, Statistics::running},
      {StudentStatistics::batch, Statistics::batch_constant}};
  for (const auto& [of_student, statistics] : ways) {
    Problem problem(graph(), 4);
    ObjectiveOptions options = frozen(0.5, Pairs::all, ParameterSet::active);
    options.statistics = of_student;
    const Network before = problem.student.clone();
    const Probes probes = problem.probes(2);
    const oracle::TangentModel teacher = oracle::tangent_model(problem.teacher, problem.inputs);
    const oracle::TangentModel student = oracle::tangent_model(problem.student, problem.inputs, statistics);
    const oracle::Objective expected = oracle::objective(options, teacher, student, probes);
    const Distances distances = problem.run(options, probes);
    EXPECT_NEAR(distances.kernel, expected.kernel.item<double>(), 1e-10 * distances.kernel);
    EXPECT_NEAR(distances.target, expected.target.item<double>(), 1e-10 * distances.target);
    EXPECT_LT(relative_error(problem.parts(), oracle::gradients(expected.loss, student.leaves.effective)), 1e-8);
    EXPECT_EQ(identical(problem.student, before),
              of_student == StudentStatistics::frozen || !has_batch_norm(problem.student.graph()));
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, ObjectiveTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

TEST(Objective, IsAddedToTheStudentsGradientAndLeavesAllElseAlone) {
  Problem problem(small_network("mlp-tanh"));
  const Network teacher = problem.teacher.clone();
  const Network student = problem.student.clone();
  const Probes probes = problem.probes(2);
  problem.run({}, probes);
  std::vector<at::Tensor> twice;
  for (const at::Tensor& gradient : problem.parts()) {
    twice.push_back(2 * gradient);
  }
  add_objective_gradient({}, problem.teacher, problem.student, problem.inputs, probes, problem.gradients);
  EXPECT_LT(relative_error(problem.parts(), twice), 1e-15);
  EXPECT_TRUE(identical(problem.teacher, teacher));
  EXPECT_TRUE(identical(problem.student, student));
}

TEST(Objective, OfTheTeacherItselfIsZero) {
  for (const Pairs pairs : {Pairs::cross, Pairs::all}) {
    Problem problem(small_network("lenet"));
    problem.student = problem.teacher.clone();
    const Distances distances = problem.run({1, pairs, ParameterSet::all}, problem.probes(1));
    EXPECT_EQ(distances.kernel, 0);
    EXPECT_EQ(distances.target, 0);
    for (const at::Tensor& gradient : problem.parts()) {
      EXPECT_EQ(gradient.abs().max().item<double>(), 0);
    }
  }
}

TEST(Objective, OfAllPairsCountsNoInputWithItself) {
  const Graph& graph = small_network("mlp");
  Problem problem(graph, 2);
  // With two inputs all pairs are the cross pair, twice.
  const Probes probes = problem.probes(1);
  const Distances cross = problem.run({1, Pairs::cross, ParameterSet::all}, probes);
  const Distances all = problem.run({1, Pairs::all, ParameterSet::all}, probes);
  EXPECT_NEAR(all.kernel / cross.kernel, 1, 1e-12);
}

/// The mean of draws and its standard error.
class Sample {
 public:
  void add(double value) {
    ++count_;
    const double difference = value - mean_;
    mean_ += difference / count_;
    squares_ += difference * (value - mean_);
  }
  double mean() const { return mean_; }
  double standard_error() const { return std::sqrt(squares_ / (count_ - 1) / count_); }

 private:
  double count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

double dot(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] * b[i]).sum().item<double>();
  }
  return sum;
}

class SketchTest : public testing::TestWithParam<std::tuple<Pairs, std::int64_t>> {};

TEST_P(SketchTest, MeanOverDrawsIsTheExactDistanceAndGradient) {
  const auto [pairs, probes] = GetParam();
  Problem problem(small_network("mlp"), 4);
  const ObjectiveOptions options = frozen(1, pairs, ParameterSet::active);
  const double exact = problem.run(options, problem.probes(0)).kernel;
  std::vector<at::Tensor> gradient;
  for (const at::Tensor& part : problem.parts()) {
    gradient.push_back(part.clone());
  }
  const double length = dot(gradient, gradient);
  Sample distance;
  Sample along;
  for (std::uint64_t draw = 0; draw < 2000; ++draw) {
    distance.add(problem.run(options, problem.probes(probes, draw)).kernel / exact);
    along.add(dot(problem.parts(), gradient) / length);
  }
  // Four standard errors: the draws are fixed, and an estimate with a bias of a tenth would be out by as much.
  EXPECT_LT(distance.standard_error(), 0.025);
  EXPECT_LT(along.standard_error(), 0.025);
  EXPECT_NEAR(distance.mean(), 1, 4 * distance.standard_error());
  EXPECT_NEAR(along.mean(), 1, 4 * along.standard_error());
}

INSTANTIATE_TEST_SUITE_P(Sketches, SketchTest,
                         testing::Combine(testing::Values(Pairs::cross, Pairs::all), testing::Values(1, 2)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param) == Pairs::all ? "all" : "cross") +
                                  std::to_string(std::get<1>(test.param));
                         });

TEST(HeldOutDistances, AreTheExactOnesBetweenTheHalves) {
  for (const char* name : {"mlp-gelu", "lenet"}) {
    for (const ParameterSet parameters : {ParameterSet::all, ParameterSet::active}) {
      const Problem problem(small_network(name));
      const HeldOutDistances held_out(problem.teacher, problem.inputs);
      const oracle::Objective expected = oracle::objective(
          {1, Pairs::cross, parameters}, oracle::tangent_model(problem.teacher, problem.inputs),
          oracle::tangent_model(problem.student, problem.inputs), draw_probes(5, problem.teacher.outputs(), 0));
      for (int again = 0; again < 2; ++again) {  // measuring must not use up what is kept of the teacher
        const Distances distances = held_out.measure(problem.student, parameters);
        EXPECT_NEAR(distances.kernel / expected.kernel.item<double>(), 1, 1e-11);
        EXPECT_NEAR(distances.target / expected.target.item<double>(), 1, 1e-12);
      }
    }
  }
}

}  // namespace
}  // namespace ntt
