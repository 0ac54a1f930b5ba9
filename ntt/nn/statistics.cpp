#include "ntt/nn/statistics.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/ops/attributes.h"
#include "ntt/ops/batch_norm.h"

namespace ntt {
namespace {

constexpr double kMomentum = 0.1;
constexpr std::size_t kMean = 2;  // of a batch norm's parameters
constexpr std::size_t kVariance = 3;

bool is_batch_norm(const Node& node) {
  return node.type == "batch-norm";
}

}  // namespace

bool has_batch_norm(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, is_batch_norm);
}

void update_running_statistics(Network& network, const Tape& tape, std::optional<double> momentum) {
  const Graph& graph = network.execution();
  for (NodeId i = 0; i < graph.nodes.size(); ++i) {
    if (!is_batch_norm(graph.nodes[i])) {
      continue;
    }
    const at::Tensor& x = tape.nodes[i].inputs.front();
    const auto [mean, biased] = batch_moments(tape.nodes[i]);
    const auto count = static_cast<double>(x.numel() / x.size(1));
    const at::Tensor variance = biased * (count / std::max(count - 1, 1.0));  // of a single value there is no estimate
    const double share = momentum.value_or(
        Settings(graph.nodes[i].type, {graph.nodes[i].attributes, {}}).number_or("momentum", kMomentum));
    const std::vector<ParameterId>& ids = graph.nodes[i].parameters;
    network.all_parameters()[ids[kMean]]->value.lerp_(mean, share);
    at::Tensor& running = network.all_parameters()[ids[kVariance]]->value;
    running.copy_(at::where(variance > 0, running.lerp(variance, share), running));
  }
}

void calibrate_statistics(Network& network, const at::Tensor& inputs, std::int64_t batch_size) {
  if (!has_batch_norm(network.graph())) {
    return;
  }
  double batches = 0;
  for (std::int64_t first = 0; first < inputs.size(0); first += batch_size) {
    const at::Tensor batch = inputs.narrow(0, first, std::min(batch_size, inputs.size(0) - first)).contiguous();
    Tape tape(network, {Statistics::batch_constant});
    forward(network, batch, tape);
    update_running_statistics(network, tape, 1 / ++batches);
  }
}

}  // namespace ntt
