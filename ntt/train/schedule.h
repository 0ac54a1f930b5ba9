#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ntt/core/api.h"

namespace ntt {

/// How the learning rate goes over a run.
enum class ScheduleKind { constant, step, cosine, one_cycle };

/// "constant", "step", "cosine", "one-cycle"; InputError naming them for any other.
NTT_API std::string to_string(ScheduleKind kind);
NTT_API ScheduleKind parse_schedule(const std::string& name);

/// The learning rate of a run as a factor of its highest one.
struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  /// So many steps at the start raise the factor linearly from 1/warm_up to 1; with one-cycle they are its rising half,
  /// along a cosine, and 0 stands for 0.3 of the steps.
  std::int64_t warm_up = 0;
  std::vector<double> milestones{0.5, 0.75};  ///< of step: shares of the steps after which gamma is multiplied in
  double gamma = 0.1;                         ///< of step

  /// Of the step that is done after `done` of `steps`. Each kind is that of PyTorch's scheduler, moved on at every
  /// step:
  ///
  ///     constant   1
  ///     step       gamma^(milestones m with done >= round(m · steps))      MultiStepLR
  ///     cosine     (1 + cos(π (done - warm_up) / (steps - warm_up))) / 2    CosineAnnealingLR, to 0
  ///     one-cycle  1/25 to 1 and on to 1/250,000, both along a cosine      OneCycleLR (Smith & Topin 2019)
  NTT_API double factor(std::int64_t done, std::int64_t steps) const;
};

}  // namespace ntt
