#include "ntt/ops/batch_norm.h"

#include <ATen/ATen.h>

#include "ntt/core/channelwise.h"
#include "ntt/core/error.h"
#include "ntt/core/gemm.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/families.h"
#include "ntt/ops/parametric.h"

namespace ntt {
namespace {

constexpr std::size_t kScale = 0;
constexpr std::size_t kShift = 1;
constexpr std::size_t kMean = 2;
constexpr std::size_t kVariance = 3;
// In a tape's saved tensors, after the mean.
constexpr std::size_t kInverse = 1;
constexpr std::size_t kBatchVariance = 2;  // only where mean and variance are the batch's

/// Ioffe & Szegedy, ICML 2015. Mean and variance are of a channel; where they are constants, an affine map.
class BatchNorm : public ParametricOperator {
 public:
  BatchNorm(const Shape& shape, double epsilon) : ParametricOperator(shape), epsilon_(epsilon) {}

  std::vector<ParameterRule> parameters() const override {
    const Shape channels{output_shape().front()};
    return {{"weight", channels, Role::scale},
            {"bias", channels, Role::shift},
            {"running_mean", channels, Role::mean},
            {"running_var", channels, Role::variance}};
  }

  at::Tensor forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const override;
  Tensors pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const override;
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                              Tensors& gradients) const override;
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                          Tensors& gradients) const override;

  at::Tensor jacobian(std::size_t parameter, const GramRows& rows,
                      const NodeParameters& /*parameters*/) const override {
    return jacobians(rows).narrow(1, parameter == kScale ? 0 : channels(), channels());
  }
  void add_jacobian_adjoint(std::size_t parameter, const GramRows& rows, const NodeParameters& parameters,
                            const at::Tensor& cotangent, const std::vector<bool>& wants_input,
                            GramRows& into) const override;

  /// By both parameters at once.
  void gram(const GramRows& left, const GramRows& right, const NodeParameters& parameters, ParameterSet set,
            at::Tensor& kernel, GramCache* cache) const override;
  GramCotangents gram_adjoint(const GramRows& left, const GramRows& right, const NodeParameters& parameters,
                              ParameterSet set, const at::Tensor& cotangent, const GramCache& cache,
                              const std::vector<bool>& wants_input) const override;

 private:
  std::int64_t channels() const { return output_shape().front(); }
  static at::Tensor factor(const NodeParameters& parameters, const NodeTape& tape) {
    return parameters.effective(kScale) * tape.saved[kInverse];
  }
  /// Σ values ⊙ x̂ over positions, from the sums of values and of values ⊙ x.
  static at::Tensor by_normalised(const std::pair<at::Tensor, at::Tensor>& sums, const Tensors& saved) {
    return (sums.second - saved[0] * sums.first) * saved[kInverse];
  }
  /// By scale and shift side by side: [n*k, 2 C].
  static at::Tensor jacobians(const GramRows& rows) {
    const auto sums = channel_sums(merge_probes(rows.delta), rows.inputs.front());
    return at::cat({by_normalised(sums, rows.saved), sums.first}, 1);
  }
  /// The transpose of jacobians: delta and, if wanted, input, for the cotangent [n*k, 2 C].
  GramRows jacobians_adjoint(const GramRows& rows, const at::Tensor& cotangent, bool wants_input) const;

  double epsilon_;
};

at::Tensor BatchNorm::forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const {
  const at::Tensor& x = inputs.front();
  tape.inputs = inputs;
  const auto normalise_by = [&](const at::Tensor& mean, const at::Tensor& variance) {
    tape.saved = {mean, (variance + epsilon_).rsqrt_()};
  };
  if (tape.statistics == Statistics::running) {
    // A copy, as the state may move before the last sweep.
    normalise_by(parameters.effective(kMean).clone(), parameters.effective(kVariance));
  } else {
    const auto [mean, variance] = channel_moments(x);
    const bool fixed = tape.statistics == Statistics::batch_constant;
    normalise_by(mean, fixed ? at::where(variance > 0, variance, parameters.effective(kVariance)) : variance);
    tape.saved.push_back(variance);
  }
  const at::Tensor& mean = tape.saved.front();
  const at::Tensor factors = factor(parameters, tape);
  return scale_channels(x, factors, parameters.effective(kShift) - factors * mean, {});
}

Tensors BatchNorm::pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const {
  tape.delta = delta;
  if (!tape.wants_input.front()) {
    return {at::Tensor()};
  }
  return {split_probes(scale_channels(merge_probes(delta), factor(parameters, tape), {}, {}), delta.size(1))};
}

at::Tensor BatchNorm::pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                                       Tensors& gradients) const {
  if (!cotangents.front().defined()) {
    return tape.delta_bar;
  }
  const at::Tensor rows = merge_probes(cotangents.front());
  const at::Tensor products = channel_sums(rows, merge_probes(tape.delta)).second;
  gradients[kScale].add_(products.sum(0) * tape.saved[kInverse]);
  if (!tape.wants_delta_bar) {
    return {};
  }
  const at::Tensor sum = tape.delta_bar.defined() ? merge_probes(tape.delta_bar) : at::Tensor();
  return split_probes(scale_channels(rows, factor(parameters, tape), {}, sum), tape.delta.size(1));
}

Tensors BatchNorm::forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                                   Tensors& gradients) const {
  if (!cotangent.defined()) {
    return {tape.input_bars.front()};
  }
  const at::Tensor& x = tape.inputs.front();
  const auto sums = channel_sums(cotangent, x);
  const at::Tensor by_scale = by_normalised(sums, tape.saved).sum(0);
  const at::Tensor by_shift = sums.first.sum(0);
  gradients[kScale].add_(by_scale);
  gradients[kShift].add_(by_shift);
  if (!tape.wants_input.front()) {
    return {at::Tensor()};
  }
  const at::Tensor factors = factor(parameters, tape);
  at::Tensor sum = tape.input_bars.front();
  if (tape.statistics == Statistics::batch) {
    // Through mean and variance: - factor (by_shift + x̂ by_scale) / count.
    const std::int64_t values = cotangent.numel() / channels();
    const auto count = static_cast<double>(values);
    const at::Tensor slope = factors * tape.saved[kInverse] * by_scale / -count;
    sum = scale_channels(x, slope, factors * by_shift / -count - slope * tape.saved[0], sum);
  }
  return {scale_channels(cotangent, factors, {}, sum)};
}

GramRows BatchNorm::jacobians_adjoint(const GramRows& rows, const at::Tensor& cotangent, bool wants_input) const {
  const at::Tensor by_scale = cotangent.narrow(1, 0, channels()) * rows.saved[kInverse];
  const at::Tensor by_shift = cotangent.narrow(1, channels(), channels()) - by_scale * rows.saved[0];
  GramRows bar;
  bar.inputs.resize(1);
  bar.delta = scale_channels_by_row(rows.inputs.front(), by_scale, by_shift).view(rows.delta.sizes());
  if (wants_input) {
    const at::Tensor weighted =
        scale_channels_by_row(merge_probes(rows.delta), by_scale, at::zeros_like(by_scale)).view(rows.delta.sizes());
    bar.inputs.front() = weighted.size(1) == 1 ? weighted.squeeze(1) : weighted.sum(1);
  }
  return bar;
}

void BatchNorm::add_jacobian_adjoint(std::size_t parameter, const GramRows& rows, const NodeParameters& /*parameters*/,
                                     const at::Tensor& cotangent, const std::vector<bool>& wants_input,
                                     GramRows& into) const {
  const at::Tensor none = at::zeros_like(cotangent);
  const bool scale = parameter == kScale;
  const GramRows bar = jacobians_adjoint(rows, at::cat({scale ? cotangent : none, scale ? none : cotangent}, 1),
                                         scale && wants_input.front());
  accumulate(into.delta, bar.delta);
  into.inputs.resize(1);
  accumulate(into.inputs.front(), bar.inputs.front());
}

void BatchNorm::gram(const GramRows& left, const GramRows& right, const NodeParameters& /*parameters*/,
                     ParameterSet /*set*/, at::Tensor& kernel, GramCache* cache) const {
  const at::Tensor by_left = jacobians(left);
  const at::Tensor by_right = same_rows(left, right) ? by_left : jacobians(right);
  matmul_into(kernel, by_left, Transpose::no, by_right, Transpose::yes, 1.0);
  if (cache != nullptr) {
    cache->left = by_left;
    cache->right = by_right;
  }
}

GramCotangents BatchNorm::gram_adjoint(const GramRows& left, const GramRows& right,
                                       const NodeParameters& /*parameters*/, ParameterSet /*set*/,
                                       const at::Tensor& cotangent, const GramCache& cache,
                                       const std::vector<bool>& wants_input) const {
  const bool symmetric = same_rows(left, right);
  GramCotangents result;
  const at::Tensor by_left = matmul(cotangent, Transpose::no, cache.right, Transpose::no);
  result.left = jacobians_adjoint(left, symmetric ? by_left * 2 : by_left, wants_input.front());
  if (!symmetric) {
    result.right =
        jacobians_adjoint(right, matmul(cotangent, Transpose::yes, cache.left, Transpose::no), wants_input.front());
  }
  return result;
}

std::unique_ptr<Operator> make_batch_norm(const Declaration& declaration) {
  const Settings settings("batch-norm", declaration);
  settings.check_inputs(1, 1);
  if (settings.inputs().front().empty()) {
    fail_input("it needs channels, but its input is a single number without axes");
  }
  return std::make_unique<BatchNorm>(settings.inputs().front(), settings.number_at_least("epsilon", 1e-5, 0));
}

}  // namespace

std::pair<at::Tensor, at::Tensor> batch_moments(const NodeTape& tape) {
  if (tape.saved.size() > kBatchVariance) {
    return {tape.saved.front(), tape.saved[kBatchVariance]};
  }
  return channel_moments(tape.inputs.front());
}

std::vector<OperatorType> batch_norm_types() {
  return {{"batch-norm",
           "bn",
           "γ (x - mean) / sqrt(variance + epsilon) + β per channel",
           {"epsilon", "momentum"},
           make_batch_norm,
           "[channels, ...]",
           "weight, bias, running_mean and running_var [channels]"}};
}

}  // namespace ntt
