#include <ATen/ATen.h>
#include <fmt/format.h>

#include <string>

#include "benchmarks/support.h"
#include "ntt/nn/model.h"
#include "ntt/prune/mask.h"
#include "ntt/sparse/sparse_network.h"

namespace ntt {
namespace {

Network draw_pruned(const std::string& model, double density) {
  Network network = Network::random(published_model(model).graph, 1);
  mask_by_scores(network, random_scores(network, 1), density, Scope::layer);
  return network;
}

/// Forward and gradient by the stored weights, without the optimiser.
void time_gradients(benchmark::State& state, const std::string& model, double density) {
  const Network network = draw_pruned(model, density);
  SparseNetwork sparse(network, PlanFor::training);
  const at::Tensor inputs = random_tensor(network.graph().batch_shape(1024));
  const at::Tensor labels = at::arange(1024, at::kLong).remainder(kClasses);
  const at::Tensor chosen = at::randperm(1024, at::kLong);
  std::int64_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(sparse.loss_and_gradient(inputs, labels, chosen.narrow(0, at, kBatch)));
    at = (at + kBatch) % 1024;
  }
}

void time_answers(benchmark::State& state, const std::string& model, double density) {
  const Network network = draw_pruned(model, density);
  const SparseNetwork sparse(network, PlanFor::inference);
  const at::Tensor inputs = random_tensor(network.graph().batch_shape(state.range(0)));
  at::Tensor outputs = at::empty({state.range(0), kClasses});
  for (auto _ : state) {
    sparse.predict(inputs.data_ptr<float>(), state.range(0), outputs.data_ptr<float>());
  }
}

const bool kRegistered = [] {
  for (const std::string model : {"lenet-300-100", "lenet-5-caffe", "conv-4"}) {
    for (const double density : {0.03, 0.1, 0.3, 1.0}) {
      benchmark::RegisterBenchmark(fmt::format("sparse/gradient/{}/{}", model, density).c_str(), time_gradients, model,
                                   density)
          ->Unit(benchmark::kMicrosecond)
          ->UseRealTime();
      benchmark::RegisterBenchmark(fmt::format("sparse/predict/{}/{}", model, density).c_str(), time_answers, model,
                                   density)
          ->Unit(benchmark::kMicrosecond)
          ->Arg(1)
          ->Arg(64)
          ->UseRealTime();
    }
  }
  return true;
}();

}  // namespace
}  // namespace ntt
