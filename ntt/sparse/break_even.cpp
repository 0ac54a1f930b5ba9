#include "ntt/sparse/break_even.h"

#include "ntt/core/error.h"
#include "ntt/nn/cost.h"
#include "ntt/sparse/plan.h"

namespace ntt {
namespace {

bool pays(const Network& network, const BreakEven& break_even) {
  // In multiply-adds of a dense layer: a stored weight costs as many as break even with it.
  double dense = 0;
  double sparse = 0;
  for (const LayerCost& layer : layer_costs(network)) {
    const double density = layer.shape.size() == 4 ? break_even.convolution : break_even.linear;
    dense += static_cast<double>(layer.dense_multiply_adds());
    sparse += static_cast<double>(layer.sparse_multiply_adds()) / density;
  }
  if (sparse >= dense) {
    return false;
  }
  try {
    make_plan(network, PlanFor::inference);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

bool sparse_training_pays(const Network& network) {
  return pays(network, kTrainingBreakEven);
}

bool sparse_inference_pays(const Network& network) {
  return pays(network, kInferenceBreakEven);
}

}  // namespace ntt
