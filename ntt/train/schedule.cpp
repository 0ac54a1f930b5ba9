#include "ntt/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ntt/core/error.h"

namespace ntt {
namespace {

/// From start at share 0 to end at share 1, along half a cosine.
double along_cosine(double start, double end, double share) {
  return end + (start - end) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

double step_factor(const Schedule& schedule, std::int64_t done, std::int64_t steps) {
  const auto passed = std::ranges::count_if(schedule.milestones, [&](double milestone) {
    return done >= std::llround(milestone * static_cast<double>(steps));
  });
  return std::pow(schedule.gamma, static_cast<double>(passed));
}

double one_cycle_factor(const Schedule& schedule, std::int64_t done, std::int64_t steps) {
  constexpr double kRising = 0.3;
  constexpr double kStart = 1.0 / 25;
  constexpr double kEnd = kStart / 1e4;
  const auto all = static_cast<double>(steps);
  const double rising = schedule.warm_up > 0 ? static_cast<double>(schedule.warm_up) : kRising * all;
  const double top = std::max(rising - 1, 0.0);
  const auto now = static_cast<double>(done);
  if (now <= top) {
    return top > 0 ? along_cosine(kStart, 1, now / top) : 1;
  }
  return along_cosine(1, kEnd, (now - top) / (all - 1 - top));
}

}  // namespace

std::string to_string(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::step:
      return "step";
    case ScheduleKind::cosine:
      return "cosine";
    case ScheduleKind::one_cycle:
      return "one-cycle";
    default:
      return "constant";
  }
}

ScheduleKind parse_schedule(const std::string& name) {
  for (const ScheduleKind kind :
       {ScheduleKind::constant, ScheduleKind::step, ScheduleKind::cosine, ScheduleKind::one_cycle}) {
    if (to_string(kind) == name) {
      return kind;
    }
  }
  fail_input("there is no learning-rate schedule '{}'; known are constant, step, cosine and one-cycle", name);
}

double Schedule::factor(std::int64_t done, std::int64_t steps) const {
  if (kind == ScheduleKind::one_cycle) {
    return one_cycle_factor(*this, done, steps);
  }
  if (done < warm_up) {
    const double rise = static_cast<double>(done + 1) / static_cast<double>(warm_up);
    return kind == ScheduleKind::step ? rise * step_factor(*this, done, steps) : rise;
  }
  if (kind == ScheduleKind::step) {
    return step_factor(*this, done, steps);
  }
  if (kind == ScheduleKind::cosine) {
    return along_cosine(1, 0, static_cast<double>(done - warm_up) / static_cast<double>(steps - warm_up));
  }
  return 1;
}

}  // namespace ntt
