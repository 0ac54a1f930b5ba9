#include "tests/transfer/objective_oracle.h"

#include <ATen/ATen.h>

namespace ntt::oracle {
namespace {

at::Tensor active_jacobian(const TangentModel& model) {
  std::vector<at::Tensor> kept;
  for (const at::Tensor& mask : model.leaves.kept) {
    kept.push_back(mask.flatten());
  }
  return model.jacobian * at::cat(kept);
}

/// Kernels seen through the probes, [n, m, k, k].
at::Tensor probed_kernel(const at::Tensor& jacobian, const Probes& probes, Pairs pairs) {
  const at::Tensor& v = probes.directions;
  const std::int64_t n = v.size(0);
  const std::int64_t first = pairs == Pairs::cross ? n / 2 : n;
  const std::int64_t second = pairs == Pairs::cross ? n / 2 : 0;
  const at::Tensor flat = kernel(jacobian.narrow(0, 0, first), v.narrow(0, 0, first),
                                 jacobian.narrow(0, second, n - second), v.narrow(0, second, n - second));
  return flat.view({first, v.size(1), n - second, v.size(1)}).permute({0, 2, 1, 3});
}

}  // namespace

TangentModel tangent_model(const Network& network, const at::Tensor& inputs, Statistics statistics) {
  TangentModel model;
  model.leaves = leaves_of(network);
  model.outputs = forward(network.graph(), model.leaves.effective, inputs, model.leaves.state, statistics);
  model.jacobian = jacobian(model.outputs, model.leaves, false);
  return model;
}

Objective objective(const ObjectiveOptions& options, const TangentModel& teacher, const TangentModel& student,
                    const Probes& probes) {
  const bool active = options.parameters == ParameterSet::active;
  const at::Tensor of_student =
      probed_kernel(active ? active_jacobian(student) : student.jacobian, probes, options.pairs);
  const at::Tensor of_teacher = probed_kernel(teacher.jacobian.detach(), probes, options.pairs);
  at::Tensor squares = (of_student - of_teacher).square().mean({2, 3});
  if (!probes.exact) {
    const auto classes = static_cast<double>(probes.directions.size(2));
    squares = squares / (classes * classes);
  }
  Objective result;
  if (options.pairs == Pairs::all) {
    const std::int64_t n = squares.size(0);
    const at::Tensor others = 1 - at::eye(n, squares.options());
    result.kernel = (squares * others).sum() / static_cast<double>(n * (n - 1));
  } else {
    result.kernel = squares.mean();
  }
  result.target = (student.outputs - teacher.outputs.detach()).square().mean();
  result.loss = options.kernel_weight * result.kernel + result.target;
  return result;
}

}  // namespace ntt::oracle
