#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/families.h"
#include "ntt/ops/parametric.h"

namespace ntt {
namespace {

constexpr std::size_t kScale = 0;
constexpr std::size_t kShift = 1;

/// Ba, Kiros & Hinton, arXiv 1607.06450. Mean and variance are of one input's trailing axes.
class LayerNorm : public ParametricOperator {
 public:
  LayerNorm(const Shape& shape, std::size_t axes, double epsilon)
      : ParametricOperator(shape),
        normalised_(shape.end() - static_cast<std::ptrdiff_t>(axes), shape.end()),
        epsilon_(epsilon) {}

  std::vector<ParameterRule> parameters() const override {
    return {{"weight", normalised_, Role::scale}, {"bias", normalised_, Role::shift}};
  }

  at::Tensor forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const override {
    const auto [normalised, inverse] = normalise(inputs.front());
    tape.inputs = inputs;
    tape.saved = {normalised, inverse};
    const at::Tensor y =
        at::addcmul(flat(parameters.effective(kShift)), normalised, flat(parameters.effective(kScale)));
    return y.view(inputs.front().sizes());
  }

  Tensors pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const override {
    tape.delta = delta;
    if (!tape.wants_input.front()) {
      return {at::Tensor()};
    }
    const Probed x = probed(tape);
    return {project(groups(delta, 2) * flat(parameters.effective(kScale)), x).mul_(x.inverse).view(delta.sizes())};
  }

  /// With u = γ ⊙ δ, Π the projection of sweep 2 and c its result's cotangent, s = r ⟨c, Π u⟩: by x it is
  /// -r²/D (⟨c, Π u⟩ x̂ + ⟨u, x̂⟩ Π c + ⟨c, x̂⟩ Π u).
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                              Tensors& gradients) const override {
    if (!cotangents.front().defined()) {
      return tape.delta_bar;
    }
    const Probed x = probed(tape);
    const at::Tensor c = groups(cotangents.front(), 2);
    const at::Tensor delta = groups(tape.delta, 2);
    const at::Tensor scale = flat(parameters.effective(kScale));
    const at::Tensor u = delta * scale;
    const at::Tensor projected_c = project(c, x);
    const at::Tensor through = projected_c * x.inverse;
    gradients[kScale].view({-1}).add_((delta * through).sum(at::IntArrayRef{0, 1, 2}));
    if (tape.wants_input.front()) {
      const at::Tensor projected_u = project(u, x);
      const at::Tensor bar =
          dot(c, projected_u) * x.normalised + dot(u, x.normalised) * projected_c + dot(c, x.normalised) * projected_u;
      const double size = static_cast<double>(entries(normalised_));
      accumulate(tape.input_bars.front(),
                 (bar * x.inverse.square() * (-1 / size)).sum(1).view(tape.inputs.front().sizes()));
    }
    return tape.wants_delta_bar ? add_defined((through * scale).view(tape.delta.sizes()), tape.delta_bar)
                                : at::Tensor();
  }

  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                          Tensors& gradients) const override {
    if (!cotangent.defined()) {
      return {tape.input_bars.front()};
    }
    const at::Tensor y_bar = groups(cotangent, 1);
    gradients[kScale].view({-1}).add_((y_bar * tape.saved[0]).sum(at::IntArrayRef{0, 1}));
    gradients[kShift].view({-1}).add_(y_bar.sum(at::IntArrayRef{0, 1}));
    if (!tape.wants_input.front()) {
      return {at::Tensor()};
    }
    const at::Tensor x_bar = project(y_bar * flat(parameters.effective(kScale)), {tape.saved[0], tape.saved[1]});
    return {add_defined(x_bar.mul_(tape.saved[1]).view(cotangent.sizes()), tape.input_bars.front())};
  }

  at::Tensor jacobian(std::size_t parameter, const GramRows& rows,
                      const NodeParameters& /*parameters*/) const override {
    const at::Tensor delta = groups(rows.delta, 2);
    const at::Tensor weighted =
        parameter == kScale ? delta * normalise(rows.inputs.front()).normalised.unsqueeze(1) : delta;
    return weighted.sum(2).flatten(0, 1);
  }

  void add_jacobian_adjoint(std::size_t parameter, const GramRows& rows, const NodeParameters& /*parameters*/,
                            const at::Tensor& cotangent, const std::vector<bool>& wants_input,
                            GramRows& into) const override {
    const at::Tensor u = split_probes(cotangent, rows.delta.size(1)).unsqueeze(2);
    const at::Tensor delta = groups(rows.delta, 2);
    into.inputs.resize(1);
    if (parameter == kShift) {
      accumulate(into.delta, u.expand_as(delta).reshape(rows.delta.sizes()));
      return;
    }
    const Probed x = normalise(rows.inputs.front());
    accumulate(into.delta, (u * x.normalised.unsqueeze(1)).view(rows.delta.sizes()));
    if (wants_input.front()) {
      const at::Tensor bar = project((u * delta).sum(1), x).mul_(x.inverse);
      accumulate(into.inputs.front(), bar.view(rows.inputs.front().sizes()));
    }
  }

 private:
  /// x̂ [n, groups, size] and 1 / sqrt(variance + ε) [n, groups, 1], perhaps with an axis of probes.
  struct Probed {
    at::Tensor normalised;
    at::Tensor inverse;
  };

  /// [lead..., groups, size]
  at::Tensor groups(const at::Tensor& values, std::int64_t leading) const {
    Shape sizes = values.sizes().slice(0, static_cast<std::size_t>(leading)).vec();
    sizes.push_back(entries(output_shape()) / entries(normalised_));
    sizes.push_back(entries(normalised_));
    return values.reshape(sizes);
  }
  static at::Tensor flat(const at::Tensor& parameter) { return parameter.view({-1}); }
  static at::Tensor dot(const at::Tensor& a, const at::Tensor& b) { return (a * b).sum(-1, true); }

  Probed normalise(const at::Tensor& input) const {
    const at::Tensor x = groups(input, 1);
    const auto [variance, mean] = at::var_mean(x, at::IntArrayRef{2}, false, true);
    const at::Tensor inverse = (variance + epsilon_).rsqrt_();
    return {(x - mean).mul_(inverse), inverse};
  }
  static Probed probed(const NodeTape& tape) { return {tape.saved[0].unsqueeze(1), tape.saved[1].unsqueeze(1)}; }

  /// Π u = u - mean(u) - x̂ mean(u ⊙ x̂): the derivative of x̂ is Π / sqrt(variance + ε).
  static at::Tensor project(const at::Tensor& u, const Probed& x) {
    return u - u.mean(-1, true) - x.normalised * (u * x.normalised).mean(-1, true);
  }

  Shape normalised_;
  double epsilon_;
};

std::unique_ptr<Operator> make_layer_norm(const Declaration& declaration) {
  const Settings settings("layer-norm", declaration);
  settings.check_inputs(1, 1);
  const Shape& input = settings.inputs().front();
  const std::int64_t axes = settings.integer_or("axes", 1, 1);
  if (axes > static_cast<std::int64_t>(input.size())) {
    fail_input("'axes' is {}, but its input {} has {} axes", axes, to_string(input), input.size());
  }
  return std::make_unique<LayerNorm>(input, static_cast<std::size_t>(axes),
                                     settings.number_at_least("epsilon", 1e-5, 0));
}

}  // namespace

std::vector<OperatorType> layer_norm_types() {
  return {{"layer-norm",
           "ln",
           "γ (x - mean) / sqrt(variance + epsilon) + β over the last axes",
           {"axes", "epsilon"},
           make_layer_norm,
           "[..., the last axes]",
           "weight and bias [the last axes]"}};
}

}  // namespace ntt
