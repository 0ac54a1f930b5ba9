#include "ntt/train/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "ntt/core/exceptions.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::HasSubstr;

std::vector<double> factors(const Schedule& schedule, std::int64_t steps) {
  std::vector<double> found;
  for (std::int64_t done = 0; done < steps; ++done) {
    found.push_back(schedule.factor(done, steps));
  }
  return found;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-11) << "step " << i;
  }
}

// The numbers are those that tests/train/schedules.py prints, PyTorch's.

TEST(Schedule, ConstantIsOne) {
  expect_near(factors({}, 4), {1, 1, 1, 1});
  Schedule warmed;
  warmed.warm_up = 4;
  expect_near(factors(warmed, 6), {0.25, 0.5, 0.75, 1, 1, 1});
}

TEST(Schedule, StepIsPyTorchs) {
  Schedule schedule{ScheduleKind::step};
  schedule.milestones = {0.5, 0.8};
  expect_near(factors(schedule, 10), {1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01});
  schedule.warm_up = 2;
  EXPECT_EQ(schedule.factor(0, 10), 0.5);
  EXPECT_EQ(schedule.factor(1, 10), 1);
  EXPECT_NEAR(schedule.factor(9, 10), 0.01, 1e-12);
}

TEST(Schedule, CosineIsPyTorchs) {
  Schedule schedule{ScheduleKind::cosine};
  expect_near(factors(schedule, 10), {1, 0.975528258148, 0.904508497187, 0.793892626146, 0.654508497187, 0.5,
                                      0.345491502813, 0.206107373854, 0.0954915028125, 0.0244717418524});
  schedule.warm_up = 4;
  expect_near(factors(schedule, 10), {0.25, 0.5, 0.75, 1, 1, 0.933012701892, 0.75, 0.5, 0.25, 0.0669872981078});
}

TEST(Schedule, OneCycleIsPyTorchs) {
  Schedule schedule{ScheduleKind::one_cycle};
  expect_near(factors(schedule, 10), {0.04, 0.52, 1, 0.950484632013, 0.81174565395, 0.611262021936, 0.388741978064,
                                      0.18825834605, 0.0495193679865, 4e-06});
  schedule.warm_up = 6;
  expect_near(factors(schedule, 10), {0.04, 0.1316718427, 0.3716718427, 0.6683281573, 0.9083281573, 1, 0.85355397638,
                                      0.500002, 0.14645002362, 4e-06});
}

TEST(Schedule, WarmUpsAsLongAsTheRunOrLongerStayFinite) {
  for (const auto kind : {ScheduleKind::constant, ScheduleKind::step, ScheduleKind::cosine, ScheduleKind::one_cycle}) {
    for (const std::int64_t steps : {1, 2, 5}) {
      for (const std::int64_t warm_up : {0, 1, 5, 50}) {
        Schedule schedule{kind};
        schedule.warm_up = warm_up;
        for (const double factor : factors(schedule, steps)) {
          EXPECT_GT(factor, 0) << to_string(kind) << ", " << steps << " steps, " << warm_up << " of warm-up";
          EXPECT_LE(factor, 1);
        }
      }
    }
  }
}

TEST(Schedule, NamesAreReadBack) {
  for (const char* name : {"constant", "step", "cosine", "one-cycle"}) {
    EXPECT_EQ(to_string(parse_schedule(name)), name);
  }
  EXPECT_THAT(message_of<InputError>([] { parse_schedule("linear"); }), HasSubstr("'linear'"));
}

}  // namespace
}  // namespace ntt
