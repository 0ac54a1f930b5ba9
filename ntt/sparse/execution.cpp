#include "ntt/sparse/execution.h"

#include "ntt/core/error.h"
#include "ntt/nn/cost.h"
#include "ntt/sparse/plan.h"

namespace ntt {
namespace {

bool pays(const std::vector<LayerCost>& layers, const BreakEven& break_even) {
  // In multiply-adds of a dense layer: a stored weight costs as many as break even with it.
  double dense = 0;
  double sparse = 0;
  for (const LayerCost& layer : layers) {
    const double density = layer.shape.size() == 4 ? break_even.convolution : break_even.linear;
    dense += static_cast<double>(layer.dense_multiply_adds());
    sparse += static_cast<double>(layer.sparse_multiply_adds()) / density;
  }
  return sparse < dense;
}

}  // namespace

std::string to_string(Execution execution) {
  switch (execution) {
    case Execution::sparse:
      return "sparse";
    case Execution::dense:
      return "dense";
    default:
      return "auto";
  }
}

Execution parse_execution(const std::string& name) {
  for (const Execution execution : {Execution::automatic, Execution::sparse, Execution::dense}) {
    if (to_string(execution) == name) {
      return execution;
    }
  }
  fail_input("there is no execution '{}'; known are auto, sparse and dense", name);
}

BreakEven break_even(Workload workload, std::int64_t batch_size) {
  if (workload == Workload::inference) {
    // Fewer inputs than lanes: a dense linear layer is quick, and sparse sums have little to fill registers with.
    return batch_size < kLanes ? BreakEven{0.09, 0.4} : BreakEven{0.33, 0.42};
  }
  // Blocks cost the same however few of their lanes are taken, and few blocks leave threads idle.
  const std::int64_t blocks = (batch_size + kLanes - 1) / kLanes;
  const double taken = static_cast<double>(batch_size) / static_cast<double>(blocks * kLanes);
  return {(blocks <= 8 ? 0.45 : 0.3) * taken, (blocks <= 2 ? 0.24 : 0.4) * taken};
}

double product_break_even(bool convolution) {
  return convolution ? 0.3 : 0.2;
}

bool has_sparse_device(const Network& network) {
  return network.device().is_cpu() && network.dtype() == at::kFloat;
}

void check_sparse_device(const Network& network) {
  if (!has_sparse_device(network)) {
    fail_input("sparse execution is for float32 networks on the CPU; choose dense execution, or the CPU");
  }
}

bool trains_in_blocks(const Network& network) {
  if (!has_sparse_device(network)) {
    return false;
  }
  try {
    check_plan(network, PlanFor::training);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

std::vector<Execution> choose_executions(Execution asked, const Network& network, Workload workload,
                                         const std::vector<std::int64_t>& batch_sizes) {
  if (asked == Execution::sparse) {
    check_sparse_device(network);
  }
  if (asked != Execution::automatic || !has_sparse_device(network)) {
    return std::vector(batch_sizes.size(), asked == Execution::automatic ? Execution::dense : asked);
  }
  const std::vector<LayerCost> layers = layer_costs(network);
  const bool by_layer = workload == Workload::training && !trains_in_blocks(network);
  std::vector<Execution> chosen;
  for (const std::int64_t batch_size : batch_sizes) {
    const BreakEven even =
        by_layer ? BreakEven{product_break_even(false), product_break_even(true)} : break_even(workload, batch_size);
    chosen.push_back(pays(layers, even) ? Execution::sparse : Execution::dense);
  }
  return chosen;
}

Execution choose_execution(Execution asked, const Network& network, Workload workload, std::int64_t batch_size) {
  return choose_executions(asked, network, workload, {batch_size}).front();
}

}  // namespace ntt
