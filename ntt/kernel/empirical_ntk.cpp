#include "ntt/kernel/empirical_ntk.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/kernel/linearisation.h"
#include "ntt/kernel/probes.h"

namespace ntt {
namespace {

/// [n*k, m*k] to [n, m, k, k].
at::Tensor by_inputs(const at::Tensor& matrix, std::int64_t n, std::int64_t m) {
  return matrix.view({n, matrix.size(0) / n, m, matrix.size(1) / m}).permute({0, 2, 1, 3}).contiguous();
}

Linearisation linearise_rows(const Network& network, const KernelInputs& side, std::int64_t first,
                             std::int64_t block_inputs) {
  const std::int64_t count = std::min(block_inputs, side.inputs.size(0) - first);
  return linearise(network, side.inputs.narrow(0, first, count),
                   side.probes.defined() ? side.probes.narrow(0, first, count)
                                         : unit_probes(count, network.outputs(), side.inputs.options()));
}

Side whole(Linearisation& batch) {
  return {&batch, 0, batch.inputs()};
}

}  // namespace

void for_each_kernel_block(const Network& network, const KernelInputs& left, const KernelInputs& right,
                           ParameterSet parameters, std::int64_t block_inputs,
                           const std::function<void(const KernelBlock&)>& visit) {
  const bool same = left.inputs.is_same(right.inputs) && left.probes.is_same(right.probes);
  for (std::int64_t i = 0; i < left.inputs.size(0); i += block_inputs) {
    Linearisation rows = linearise_rows(network, left, i, block_inputs);
    for (std::int64_t j = same ? i : 0; j < right.inputs.size(0); j += block_inputs) {
      if (same && j == i) {
        const at::Tensor block = kernel(network, whole(rows), whole(rows), parameters);
        visit({i, i, by_inputs(block, rows.inputs(), rows.inputs())});
        continue;
      }
      Linearisation columns = linearise_rows(network, right, j, block_inputs);
      const at::Tensor block =
          by_inputs(kernel(network, whole(rows), whole(columns), parameters), rows.inputs(), columns.inputs());
      visit({i, j, block});
      if (same) {
        visit({j, i, block.permute({1, 0, 3, 2}).contiguous()});
      }
    }
  }
}

at::Tensor empirical_ntk(const Network& network, const KernelInputs& left, const KernelInputs& right,
                         ParameterSet parameters, std::int64_t block_inputs) {
  const std::int64_t width = left.probes.defined() ? left.probes.size(1) : network.outputs();
  const std::int64_t height = right.probes.defined() ? right.probes.size(1) : network.outputs();
  at::Tensor result = at::empty({left.inputs.size(0), right.inputs.size(0), width, height}, left.inputs.options());
  for_each_kernel_block(network, left, right, parameters, block_inputs, [&](const KernelBlock& block) {
    result.narrow(0, block.first_left, block.values.size(0))
        .narrow(1, block.first_right, block.values.size(1))
        .copy_(block.values);
  });
  return result;
}

}  // namespace ntt
