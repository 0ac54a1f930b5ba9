#include "ntt/nn/layers/residual.h"

#include "ntt/core/error.h"

namespace ntt {

Shape Residual::output_shape(const Shape& input) const {
  const Shape body = body_->output_shape(input);
  const Shape shortcut = shortcut_->output_shape(input);
  if (body != shortcut) {
    fail_input("a residual block adds its body's output, {}, to its shortcut's, {}: they must have one shape",
               to_string(body), to_string(shortcut));
  }
  return body;
}

at::Tensor Residual::forward(const at::Tensor& input, Tape& tape) const {
  tape.children.resize(2);
  return body_->forward(input, tape.children[0]) + shortcut_->forward(input, tape.children[1]);
}

at::Tensor Residual::pullback(const at::Tensor& delta, Tape& tape) const {
  const at::Tensor by_body = body_->pullback(delta, tape.children[0]);
  const at::Tensor by_shortcut = shortcut_->pullback(delta, tape.children[1]);
  return tape.needs_input_cotangent ? by_body + by_shortcut : at::Tensor();
}

at::Tensor Residual::pullback_adjoint(const at::Tensor& cotangent, Tape& tape) {
  return add_defined(body_->pullback_adjoint(cotangent, tape.children[0]),
                     shortcut_->pullback_adjoint(cotangent, tape.children[1]));
}

at::Tensor Residual::forward_adjoint(const at::Tensor& cotangent, Tape& tape) {
  return add_defined(body_->forward_adjoint(cotangent, tape.children[0]),
                     shortcut_->forward_adjoint(cotangent, tape.children[1]));
}

void Residual::for_each_parametric(Tape& tape, const std::function<void(const ParametricLayer&, Tape&)>& visit) const {
  body_->for_each_parametric(tape.children[0], visit);
  shortcut_->for_each_parametric(tape.children[1], visit);
}

bool Residual::has_parameters() const {
  return body_->has_parameters() || shortcut_->has_parameters();
}

void Residual::collect_parameters(std::vector<Parameter*>& into) {
  body_->collect_parameters(into);
  shortcut_->collect_parameters(into);
}

void Residual::limit_cotangents(Tape& tape, bool needs_input, bool needs_output) const {
  Layer::limit_cotangents(tape, needs_input, needs_output);
  tape.children.resize(2);
  body_->limit_cotangents(tape.children[0], needs_input, needs_output);
  shortcut_->limit_cotangents(tape.children[1], needs_input, needs_output);
}

void Residual::initialise(RandomStream& stream, at::ScalarType dtype) {
  body_->initialise(stream, dtype);
  shortcut_->initialise(stream, dtype);
}

}  // namespace ntt
