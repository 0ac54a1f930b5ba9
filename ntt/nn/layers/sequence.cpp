#include "ntt/nn/layers/sequence.h"

#include <algorithm>

namespace ntt {

Shape Sequence::output_shape(const Shape& input) const {
  Shape shape = input;
  for (const auto& layer : layers_) {
    shape = layer->output_shape(shape);
  }
  return shape;
}

at::Tensor Sequence::forward(const at::Tensor& input, Tape& tape) const {
  tape.children.resize(layers_.size());
  at::Tensor activations = input;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    activations = layers_[i]->forward(activations, tape.children[i]);
  }
  return activations;
}

at::Tensor Sequence::pullback(const at::Tensor& delta, Tape& tape) const {
  at::Tensor pulled = delta;
  for (std::size_t i = layers_.size(); i-- > 0 && pulled.defined();) {
    pulled = layers_[i]->pullback(pulled, tape.children[i]);
  }
  return pulled;
}

at::Tensor Sequence::pullback_adjoint(const at::Tensor& cotangent, Tape& tape) {
  at::Tensor pushed = cotangent;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    pushed = layers_[i]->pullback_adjoint(pushed, tape.children[i]);
  }
  return pushed;
}

at::Tensor Sequence::forward_adjoint(const at::Tensor& cotangent, Tape& tape) {
  at::Tensor pulled = cotangent;
  for (std::size_t i = layers_.size(); i-- > 0;) {
    pulled = layers_[i]->forward_adjoint(pulled, tape.children[i]);
  }
  return pulled;
}

void Sequence::for_each_parametric(Tape& tape, const std::function<void(const ParametricLayer&, Tape&)>& visit) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i]->for_each_parametric(tape.children[i], visit);
  }
}

bool Sequence::has_parameters() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const auto& layer) { return layer->has_parameters(); });
}

void Sequence::collect_parameters(std::vector<Parameter*>& into) {
  for (const auto& layer : layers_) {
    layer->collect_parameters(into);
  }
}

void Sequence::limit_cotangents(Tape& tape, bool needs_input, bool needs_output) const {
  Layer::limit_cotangents(tape, needs_input, needs_output);
  tape.children.resize(layers_.size());
  bool child_needs_input = needs_input;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const bool last = i + 1 == layers_.size();
    layers_[i]->limit_cotangents(tape.children[i], child_needs_input, last ? needs_output : true);
    child_needs_input = child_needs_input || layers_[i]->has_parameters();
  }
}

void Sequence::initialise(RandomStream& stream, at::ScalarType dtype) {
  for (const auto& layer : layers_) {
    layer->initialise(stream, dtype);
  }
}

}  // namespace ntt
