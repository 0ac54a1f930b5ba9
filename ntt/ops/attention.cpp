// What attention is made of: products of two activations, and softmax.

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/core/gemm.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/broadcast.h"
#include "ntt/ops/families.h"

namespace ntt {
namespace {

/// S d = y ⊙ (d - ⟨y, d⟩): the derivative of softmax, which is symmetric.
at::Tensor softmax_slope(const at::Tensor& y, const at::Tensor& d, std::int64_t axis) {
  const at::Tensor weighted = y * d;
  return weighted - y * weighted.sum(axis, true);
}

class Softmax : public Operator {
 public:
  Softmax(const Shape& shape, std::int64_t axis)
      : Operator(shape), axis_(axis - static_cast<std::int64_t>(shape.size())) {}

  at::Tensor forward(const Tensors& inputs, const NodeParameters& /*parameters*/, NodeTape& tape) const override {
    tape.saved = {at::softmax(inputs.front(), axis_)};
    return tape.saved.front();
  }
  Tensors pullback(const at::Tensor& delta, const NodeParameters& /*parameters*/, NodeTape& tape) const override {
    tape.delta = delta;
    return {tape.wants_input.front() ? softmax_slope(tape.saved.front().unsqueeze(1), delta, axis_) : at::Tensor()};
  }
  /// ⟨c, S δ⟩ is, by y, c ⊙ δ - ⟨y, δ⟩ c - ⟨y, c⟩ δ.
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& /*parameters*/, NodeTape& tape,
                              Tensors& /*gradients*/) const override {
    const at::Tensor& c = cotangents.front();
    if (!c.defined()) {
      return {};
    }
    const at::Tensor y = tape.saved.front().unsqueeze(1);
    const at::Tensor& delta = tape.delta;
    const at::Tensor by_y = c * delta - (y * delta).sum(axis_, true) * c - (y * c).sum(axis_, true) * delta;
    accumulate(tape.input_bars.front(), softmax_slope(tape.saved.front(), by_y.sum(1), axis_));
    return tape.wants_delta_bar ? softmax_slope(y, c, axis_) : at::Tensor();
  }
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& /*parameters*/, NodeTape& tape,
                          Tensors& /*gradients*/) const override {
    if (!tape.wants_input.front()) {
      return {at::Tensor()};
    }
    return {add_defined(cotangent.defined() ? softmax_slope(tape.saved.front(), cotangent, axis_) : cotangent,
                        tape.input_bars.front())};
  }

 private:
  std::int64_t axis_;  ///< from the end
};

std::unique_ptr<Operator> make_softmax(const Declaration& declaration) {
  const Settings settings("softmax", declaration);
  settings.check_inputs(1, 1);
  const Shape& shape = settings.inputs().front();
  return std::make_unique<Softmax>(shape, settings.axis("axis", -1, shape.size()));
}

/// A [..., m, k] times B [..., k, n], leading axes broadcast.
class MatMul : public Operator {
 public:
  MatMul(const Shape& output, Shape a, Shape b)
      : Operator(output), lead_(output.begin(), output.end() - 2), shapes_{std::move(a), std::move(b)} {}

  at::Tensor forward(const Tensors& inputs, const NodeParameters& /*parameters*/, NodeTape& tape) const override {
    tape.inputs = inputs;
    return product(inputs[0], Transpose::no, inputs[1], Transpose::no, 1);
  }
  Tensors pullback(const at::Tensor& delta, const NodeParameters& /*parameters*/, NodeTape& tape) const override {
    tape.delta = delta;
    return {tape.wants_input[0] ? by_a(delta, probed(tape, 1), 2) : at::Tensor(),
            tape.wants_input[1] ? by_b(delta, probed(tape, 0), 2) : at::Tensor()};
  }
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& /*parameters*/, NodeTape& tape,
                              Tensors& /*gradients*/) const override {
    at::Tensor delta_bar;
    if (cotangents[0].defined()) {
      accumulate(delta_bar, product(cotangents[0], Transpose::no, probed(tape, 1), Transpose::no, 2));
      if (tape.wants_input[1]) {
        accumulate(tape.input_bars[1], by_b(tape.delta, cotangents[0], 2).sum(1));
      }
    }
    if (cotangents[1].defined()) {
      accumulate(delta_bar, product(probed(tape, 0), Transpose::no, cotangents[1], Transpose::no, 2));
      if (tape.wants_input[0]) {
        accumulate(tape.input_bars[0], by_a(tape.delta, cotangents[1], 2).sum(1));
      }
    }
    return delta_bar;
  }
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& /*parameters*/, NodeTape& tape,
                          Tensors& /*gradients*/) const override {
    Tensors results(2);
    for (std::size_t i = 0; i < 2; ++i) {
      if (tape.wants_input[i] && cotangent.defined()) {
        results[i] = i == 0 ? by_a(cotangent, tape.inputs[1], 1) : by_b(cotangent, tape.inputs[0], 1);
      }
      accumulate(results[i], tape.input_bars[i]);
    }
    return results;
  }

 private:
  /// An input with an axis of k probes, for which it is the same.
  at::Tensor probed(const NodeTape& tape, std::size_t input) const {
    Shape sizes = tape.inputs[input].sizes().vec();
    sizes.insert(sizes.begin() + 1, tape.delta.size(1));
    return tape.inputs[input].unsqueeze(1).expand(sizes);
  }
  /// y's cotangent to a's: y Bᵀ; to b's: Aᵀ y.
  at::Tensor by_a(const at::Tensor& y, const at::Tensor& b, std::int64_t leading) const {
    return sum_to(product(y, Transpose::no, b, Transpose::yes, leading), leading, shapes_[0]);
  }
  at::Tensor by_b(const at::Tensor& y, const at::Tensor& a, std::int64_t leading) const {
    return sum_to(product(a, Transpose::yes, y, Transpose::no, leading), leading, shapes_[1]);
  }

  /// op(x) op(y) of matrices on the last two axes; the axes between the leading ones and those are broadcast.
  at::Tensor product(const at::Tensor& x, Transpose transpose_x, const at::Tensor& y, Transpose transpose_y,
                     std::int64_t leading) const {
    const at::Tensor left = matrices(x, leading);
    const at::Tensor right = matrices(y, leading);
    const at::Tensor result = batched_matmul(left, transpose_x, right, transpose_y);
    Shape sizes = x.sizes().slice(0, static_cast<std::size_t>(leading)).vec();
    sizes.insert(sizes.end(), lead_.begin(), lead_.end());
    sizes.push_back(result.size(1));
    sizes.push_back(result.size(2));
    return result.view(sizes);
  }
  at::Tensor matrices(const at::Tensor& values, std::int64_t leading) const {
    const at::Tensor aligned = align_axes(values, leading, output_shape());
    Shape sizes = values.sizes().slice(0, static_cast<std::size_t>(leading)).vec();
    sizes.insert(sizes.end(), lead_.begin(), lead_.end());
    sizes.push_back(values.size(-2));
    sizes.push_back(values.size(-1));
    return aligned.expand(sizes).reshape({-1, values.size(-2), values.size(-1)}).contiguous();
  }

  Shape lead_;
  std::array<Shape, 2> shapes_;
};

std::unique_ptr<Operator> make_matmul(const Declaration& declaration) {
  Settings("matmul", declaration).check_inputs(2, 2);
  const Shape& a = declaration.inputs[0];
  const Shape& b = declaration.inputs[1];
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) {
    fail_input("it multiplies matrices on the last two axes, but its inputs are {} and {}", to_string(a), to_string(b));
  }
  Shape output = broadcast_shape({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  output.push_back(a[a.size() - 2]);
  output.push_back(b.back());
  return std::make_unique<MatMul>(output, a, b);
}

}  // namespace

std::vector<OperatorType> attention_types() {
  return {
      {"matmul", "matmul", "a b of matrices on the last two axes", {}, make_matmul, "[..., m, k] and [..., k, n]"},
      {"softmax", "softmax", "exp(x) / Σ exp(x) along an axis", {"axis"}, make_softmax},
  };
}

}  // namespace ntt
