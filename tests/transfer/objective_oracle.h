#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/transfer/objective.h"
#include "tests/support/oracle.h"

namespace ntt::oracle {

/// A network on one batch, with its Jacobians, all followed by autograd.
struct TangentModel {
  Leaves leaves;
  at::Tensor outputs;   ///< [N, C]
  at::Tensor jacobian;  ///< [N, C, P], of all parameters
};

TangentModel tangent_model(const Network& network, const at::Tensor& inputs,
                           Statistics statistics = Statistics::running);

/// The method's distances as its paper states them, and their weighted sum.
struct Objective {
  at::Tensor kernel;
  at::Tensor target;
  at::Tensor loss;
};

/// By definition: the mean of the squared kernel entries over pairs, from whole Jacobians.
Objective objective(const ObjectiveOptions& options, const TangentModel& teacher, const TangentModel& student,
                    const Probes& probes);

}  // namespace ntt::oracle
