// Sums and products of two values, which are broadcast to one shape.

#include <ATen/ATen.h>

#include "ntt/ops/attributes.h"
#include "ntt/ops/broadcast.h"
#include "ntt/ops/families.h"
#include "ntt/ops/linear_map.h"

namespace ntt {
namespace {

/// a + sign b
class Sum : public LinearMap {
 public:
  Sum(Shape a, Shape b, double sign)
      : LinearMap(broadcast_shape(a, b)), shapes_{std::move(a), std::move(b)}, sign_(sign) {}

 protected:
  at::Tensor apply(const Tensors& inputs) const override {
    const at::Tensor a = inputs[0].defined() ? align_axes(inputs[0], 1, output_shape()) : at::Tensor();
    const at::Tensor b = inputs[1].defined() ? align_axes(inputs[1], 1, output_shape()) : at::Tensor();
    if (a.defined() && b.defined()) {
      return at::add(a, b, sign_);
    }
    Shape sizes = output_shape();
    sizes.insert(sizes.begin(), (a.defined() ? a : b).size(0));
    return a.defined() ? a.expand(sizes).contiguous() : (sign_ == 1 ? b : -b).expand(sizes).contiguous();
  }
  Tensors apply_transpose(const at::Tensor& output, const std::vector<bool>& wanted) const override {
    Tensors results(2);
    for (std::size_t i = 0; i < 2; ++i) {
      if (wanted[i]) {
        const at::Tensor term = sum_to(output, 1, shapes_[i]);
        results[i] = i == 1 && sign_ != 1 ? -term : term;
      }
    }
    return results;
  }

 private:
  std::array<Shape, 2> shapes_;
  double sign_;
};

/// An elementwise function g(a, b) of two values by its first and second derivatives: a product, a quotient.
class Product : public Operator {
 public:
  struct Values {
    at::Tensor output;
    Tensors first;        ///< ∂g/∂a, ∂g/∂b
    at::Tensor mixed;     ///< ∂²g/∂a∂b; undefined: one
    at::Tensor second_b;  ///< ∂²g/∂b²; undefined: zero, as ∂²g/∂a² is
  };
  using Function = Values (*)(const at::Tensor& a, const at::Tensor& b);

  Product(Shape a, Shape b, Function function)
      : Operator(broadcast_shape(a, b)), shapes_{std::move(a), std::move(b)}, function_(function) {}

  at::Tensor forward(const Tensors& inputs, const NodeParameters& /*parameters*/, NodeTape& tape) const override {
    Values values = function_(align_axes(inputs[0], 1, output_shape()), align_axes(inputs[1], 1, output_shape()));
    tape.saved = {values.first[0], values.first[1], values.mixed, values.second_b};
    return values.output;
  }

  Tensors pullback(const at::Tensor& delta, const NodeParameters& /*parameters*/, NodeTape& tape) const override {
    tape.delta = delta;
    Tensors results(2);
    for (std::size_t i = 0; i < 2; ++i) {
      if (tape.wants_input[i]) {
        results[i] = sum_to(delta * tape.saved[i].unsqueeze(1), 2, shapes_[i]);
      }
    }
    return results;
  }

  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& /*parameters*/, NodeTape& tape,
                              Tensors& /*gradients*/) const override {
    at::Tensor delta_bar;
    Tensors weighted(2);  // Σ over probes of delta ⊙ cotangent
    for (std::size_t i = 0; i < 2; ++i) {
      if (cotangents[i].defined()) {
        const at::Tensor cotangent = align_axes(cotangents[i], 2, output_shape());
        accumulate(delta_bar, cotangent * tape.saved[i].unsqueeze(1));
        weighted[i] = (tape.delta * cotangent).sum(1);
      }
    }
    for (std::size_t i = 0; i < 2; ++i) {
      const at::Tensor& other = weighted[1 - i];
      at::Tensor bar = other.defined() && tape.saved[2].defined() ? other * tape.saved[2] : other;
      if (i == 1 && weighted[1].defined() && tape.saved[3].defined()) {
        accumulate(bar, weighted[1] * tape.saved[3]);
      }
      if (bar.defined() && tape.wants_input[i]) {
        accumulate(tape.input_bars[i], sum_to(bar, 1, shapes_[i]));
      }
    }
    return tape.wants_delta_bar && delta_bar.defined() ? delta_bar.expand(tape.delta.sizes()).contiguous()
                                                       : at::Tensor();
  }

  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& /*parameters*/, NodeTape& tape,
                          Tensors& /*gradients*/) const override {
    Tensors results(2);
    for (std::size_t i = 0; i < 2; ++i) {
      if (tape.wants_input[i]) {
        results[i] = cotangent.defined() ? sum_to(cotangent * tape.saved[i], 1, shapes_[i]) : cotangent;
        accumulate(results[i], tape.input_bars[i]);
      }
    }
    return results;
  }

 private:
  std::array<Shape, 2> shapes_;
  Function function_;
};

Product::Values product(const at::Tensor& a, const at::Tensor& b) {
  return {a * b, {b, a}, {}, {}};
}

Product::Values quotient(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor inverse = b.reciprocal();
  const at::Tensor output = a * inverse;
  const at::Tensor by_b = -output * inverse;
  return {output, {inverse, by_b}, -inverse.square(), -2 * by_b * inverse};
}

template <int Sign>
std::unique_ptr<Operator> make_sum(const Declaration& declaration) {
  Settings(Sign > 0 ? "add" : "sub", declaration).check_inputs(2, 2);
  return std::make_unique<Sum>(declaration.inputs[0], declaration.inputs[1], Sign);
}

template <Product::Function Function>
std::unique_ptr<Operator> make_product(const Declaration& declaration) {
  Settings("product", declaration).check_inputs(2, 2);
  return std::make_unique<Product>(declaration.inputs[0], declaration.inputs[1], Function);
}

}  // namespace

std::vector<OperatorType> arithmetic_types() {
  return {
      {"add", "add", "a + b, broadcast to one shape", {}, make_sum<1>, "two"},
      {"sub", "sub", "a - b, broadcast to one shape", {}, make_sum<-1>, "two"},
      {"mul", "mul", "a ⊙ b, broadcast to one shape", {}, make_product<product>, "two"},
      {"div", "div", "a / b entry by entry, broadcast to one shape", {}, make_product<quotient>, "two"},
  };
}

}  // namespace ntt
