#include "ntt/prune/ablation.h"

#include <ATen/ATen.h>

#include <optional>

#include "ntt/core/error.h"
#include "ntt/prune/mask.h"

namespace ntt {
namespace {

at::Tensor reordered(const at::Tensor& values, const at::Tensor& order) {
  return values.flatten().index_select(0, order.to(values.device())).view(values.sizes());
}

/// The weights that the network has, and the dense network's where it has none.
at::Tensor filled_up(const Parameter& sparse, const Parameter& dense) {
  return at::where(sparse.mask().gt(0), sparse.value, dense.value.to(sparse.value));
}

void check_same_shapes(const Network& sparse, const Network& dense) {
  if (dense.parameters().size() != sparse.parameters().size()) {
    fail_input("the dense network has other parameters than the sparse one: it is not what that was made from");
  }
  for (std::size_t i = 0; i < dense.parameters().size(); ++i) {
    if (dense.parameters()[i]->shape != sparse.parameters()[i]->shape) {
      fail_input("the dense network's {} has another shape than the sparse one's: it is not what that was made from",
                 dense.parameters()[i]->name);
    }
  }
}

}  // namespace

void ablate(Network& sparse, const Network& dense, Ablation what, std::uint64_t seed, Initialisation initialisation) {
  check_same_shapes(sparse, dense);
  std::optional<Network> redrawn;
  if (what == Ablation::reinitialise) {
    redrawn = dense.clone();
    redrawn->redraw(seed, "reinitialise", initialisation);
  }
  RandomStream stream(seed, "ablation");
  for (std::size_t i = 0; i < sparse.parameters().size(); ++i) {
    Parameter& parameter = *sparse.parameters()[i];
    if (!parameter.prunable || !parameter.pattern) {
      continue;
    }
    const at::Tensor mask = parameter.mask();
    const at::Tensor order = random_permutation(stream, mask.numel());
    switch (what) {
      case Ablation::shuffle:
        parameter.assign(filled_up(parameter, *dense.parameters()[i]));
        parameter.set_mask(reordered(mask, order));
        break;
      case Ablation::shuffle_with_weights:
        parameter.assign(reordered(parameter.value, order));
        parameter.set_mask(reordered(mask, order));
        break;
      case Ablation::reinitialise:
        parameter.assign(redrawn->parameters()[i]->value.to(parameter.value));
        parameter.set_mask(mask);
        break;
    }
  }
}

}  // namespace ntt
