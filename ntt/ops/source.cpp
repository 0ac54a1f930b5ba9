// A parameter as a value: the same for every input of a batch.

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/families.h"
#include "ntt/ops/parametric.h"

namespace ntt {
namespace {

class Source : public ParametricOperator {
 public:
  Source(const Shape& shape, Role role) : ParametricOperator(shape), role_(role) {}

  std::vector<ParameterRule> parameters() const override { return {{"value", output_shape(), role_}}; }
  const ParametricOperator* as_parametric() const override { return is_trained(role_) ? this : nullptr; }

  at::Tensor forward(const Tensors& /*inputs*/, const NodeParameters& parameters, NodeTape& tape) const override {
    Shape sizes{tape.batch};
    sizes.insert(sizes.end(), output_shape().begin(), output_shape().end());
    return parameters.effective(0).unsqueeze(0).expand(sizes).contiguous();
  }
  Tensors pullback(const at::Tensor& delta, const NodeParameters& /*parameters*/, NodeTape& tape) const override {
    tape.delta = delta;
    return {};
  }
  at::Tensor pullback_adjoint(const Tensors& /*cotangents*/, const NodeParameters& /*parameters*/, NodeTape& tape,
                              Tensors& /*gradients*/) const override {
    return tape.delta_bar;
  }
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& /*parameters*/, NodeTape& /*tape*/,
                          Tensors& gradients) const override {
    if (cotangent.defined() && is_trained(role_)) {
      gradients.front().add_(cotangent.sum(0));
    }
    return {};
  }

  at::Tensor jacobian(std::size_t /*parameter*/, const GramRows& rows,
                      const NodeParameters& /*parameters*/) const override {
    return merge_probes(rows.delta).flatten(1);
  }
  void add_jacobian_adjoint(std::size_t /*parameter*/, const GramRows& rows, const NodeParameters& /*parameters*/,
                            const at::Tensor& cotangent, const std::vector<bool>& /*wants_input*/,
                            GramRows& into) const override {
    accumulate(into.delta, cotangent.view(rows.delta.sizes()));
  }

 private:
  Role role_;
};

std::unique_ptr<Operator> make_source(const Declaration& declaration) {
  const Settings settings("parameter", declaration);
  settings.check_inputs(0, 0);
  const Shape shape = settings.needed_list("shape");
  for (const std::int64_t side : shape) {
    if (side < 1) {
      fail_input("'shape' is [{}], but its sides must be at least 1", to_string(shape));
    }
  }
  const std::string word = settings.word_or("role", "shift");
  for (const Role role : {Role::weight, Role::scale, Role::shift, Role::constant}) {
    if (to_string(role) == word) {
      return std::make_unique<Source>(shape, role);
    }
  }
  fail_input("'role' is '{}', but must be \"weight\", \"scale\", \"shift\" or \"constant\"", word);
}

}  // namespace

std::vector<OperatorType> source_types() {
  return {{"parameter",
           "parameter",
           "its value, for every input the same",
           {"shape", "role"},
           make_source,
           "none",
           "value [shape]"}};
}

}  // namespace ntt
