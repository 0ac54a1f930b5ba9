#include "ntt/sparse/predictor.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <fmt/ranges.h>

#include <utility>

#include "ntt/core/error.h"
#include "ntt/nn/network_file.h"
#include "ntt/sparse/sparse_inference.h"

namespace ntt {

Predictor::Predictor(Network network, Execution execution)
    : name_(network.graph().name), input_(network.graph().input_shape()), outputs_(network.outputs()) {
  mask_zeros(network);
  const std::vector<Execution> chosen = choose_executions(execution, network, Workload::inference, {1, kLanes});
  few_sparse_ = chosen.front() == Execution::sparse;
  many_sparse_ = chosen.back() == Execution::sparse;
  if (few_sparse_ || many_sparse_) {
    sparse_ = std::make_unique<SparseInference>(
        network, execution == Execution::sparse ? Products::all : Products::where_faster);
  }
  if (!few_sparse_ || !many_sparse_) {
    network_ = std::move(network);
  }
}

Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;
Predictor::~Predictor() = default;

Execution Predictor::execution(std::int64_t count) const {
  return (count < kLanes ? few_sparse_ : many_sparse_) ? Execution::sparse : Execution::dense;
}

void Predictor::predict(const float* inputs, std::int64_t count, float* outputs) const {
  if (execution(count) == Execution::sparse) {
    sparse_->predict(inputs, count, outputs);
    return;
  }
  const at::Tensor rows = at::from_blob(const_cast<float*>(inputs), {count, features()}, at::kFloat);
  at::from_blob(outputs, {count, outputs_}, at::kFloat).copy_(predict_densely(rows));
}

at::Tensor Predictor::predict_densely(const at::Tensor& rows) const {
  const c10::InferenceMode without_autograd;
  return network_->predict(rows.view(network_->graph().batch_shape(rows.size(0))));
}

at::Tensor Predictor::predict(const at::Tensor& inputs) const {
  const bool fits = inputs.dim() > 1 && (inputs.sizes().slice(1) == at::IntArrayRef(features()) ||
                                         inputs.sizes().slice(1) == at::IntArrayRef(input_));
  if (!fits) {
    fail_input("network '{}' takes inputs of [N, {}] or [N, {}], but these are [{}]", name_, fmt::join(input_, ", "),
               features(), fmt::join(inputs.sizes(), ", "));
  }
  const at::Tensor rows = inputs.to(at::kFloat).contiguous();
  at::Tensor outputs = at::empty({rows.size(0), outputs_}, rows.options());
  if (!rows.is_cpu()) {
    outputs.copy_(predict_densely(rows));
  } else if (rows.size(0) > 0) {
    predict(rows.data_ptr<float>(), rows.size(0), outputs.data_ptr<float>());
  }
  return outputs;
}

std::int64_t Predictor::weight_bytes(std::int64_t count) const {
  if (execution(count) == Execution::sparse) {
    return sparse_->weight_bytes();
  }
  std::int64_t bytes = 0;
  for (const Parameter* parameter : network_->parameters()) {
    bytes += 4 * parameter->value.numel();
  }
  return bytes;
}

std::vector<LayerOperations> Predictor::operations(std::int64_t count) const {
  return execution(count) == Execution::sparse ? sparse_->operations(count) : std::vector<LayerOperations>();
}

}  // namespace ntt
