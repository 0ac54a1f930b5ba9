#include <gtest/gtest.h>

#include "tests/transfer/steps.h"

namespace ntt {
namespace {

using namespace testing_support;
using namespace transfer_steps;

TEST(LastMaskUpdate, ComesBeforeTheLastInterval) {
  StepOptions options;
  const auto last = [&](std::int64_t interval, std::int64_t total) {
    options.mask_interval = interval;
    return last_mask_update(options, total);
  };
  EXPECT_EQ(last(100, 1000), 800);
  EXPECT_EQ(last(100, 1001), 900);
  EXPECT_EQ(last(100, 201), 100);
  EXPECT_EQ(last(100, 200), 0);
  EXPECT_EQ(last(100, 50), 0);
  EXPECT_EQ(last(0, 1000), 0);
}

TEST(DensityAt, IsTheGoalAllAlongWhereNoUpdateComes) {
  StepOptions options;
  options.density = 0.05;
  options.density_schedule = DensitySchedule::cubic;
  for (const std::int64_t interval : {0, 100, 600}) {
    options.mask_interval = interval;
    EXPECT_EQ(density_at(options, 0, 200), 0.05);
    EXPECT_EQ(density_at(options, 150, 200), 0.05);
  }
}

TEST(DensityAt, IsTheGoalAllAlongWhenConstant) {
  StepOptions options;
  options.density_schedule = DensitySchedule::constant;
  options.density = 0.05;
  for (const std::int64_t step : {0, 1, 500, 1000}) {
    EXPECT_EQ(density_at(options, step, 1000), 0.05);
  }
}

TEST(DensityAt, FallsAlongACubicOverTheFirstSeventyPercent) {
  StepOptions options;
  options.density = 0.1;
  options.density_schedule = DensitySchedule::cubic;
  EXPECT_EQ(density_at(options, 0, 1000), 1);
  EXPECT_NEAR(density_at(options, 350, 1000), 0.1 + 0.9 / 8, 1e-12);
  EXPECT_NEAR(density_at(options, 560, 1000), 0.1 + 0.9 * 0.008, 1e-12);
  for (std::int64_t step = 700; step <= 1000; step += 50) {
    EXPECT_NEAR(density_at(options, step, 1000), 0.1, 1e-12);
  }
  for (std::int64_t step = 0; step < 700; ++step) {
    EXPECT_GT(density_at(options, step, 1000), density_at(options, step + 1, 1000));
  }
}

TEST(DensityAt, ReachesTheGoalByTheLastMaskUpdateOfAShortRun) {
  const Graph& graph = small_network("lenet");
  const Network teacher = draw(graph, 1);
  StepOptions options = quick_options();
  options.density_schedule = DensitySchedule::cubic;
  for (const std::int64_t total : {9, 12, 16, 24, 60}) {
    Network student = masked_copy(teacher, density_at(options, 0, total));
    EXPECT_EQ(student.density(), 1);
    Stepper stepper(teacher, student, options, total);
    double density = 1;
    for (std::int64_t t = 0; t < total; ++t) {
      stepper.step(batch(graph, t));
      EXPECT_LE(student.density(), density);
      density = student.density();
    }
    EXPECT_EQ(student.density(), masked_copy(teacher, options.density).density()) << total << " steps";
  }
}

}  // namespace
}  // namespace ntt
