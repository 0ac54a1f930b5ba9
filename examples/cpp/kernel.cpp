// Computes a network's empirical tangent kernel of two batches, and how far a sparse network's is from it.

#include <ATen/ATen.h>
#include <ntt/ntt.h>

#include <exception>
#include <iostream>

namespace {

void run() {
  const ntt::Dataset glyphs = ntt::draw_glyphs(64, 16);
  const ntt::Standardised inputs = ntt::standardise(glyphs);
  const ntt::Network dense = ntt::make_network(ntt::find_model("lenet-300-100", {1, 28, 28}, 10), {}, /*seed=*/1);
  const ntt::KernelInputs left{inputs.train_images, {}};
  const ntt::KernelInputs right{inputs.test_images, {}};
  const at::Tensor kernel = ntt::empirical_ntk(dense, left, right, ntt::ParameterSet::all);
  std::cout << "kernel " << kernel.sizes() << '\n';  // [64, 16, 10, 10]: inputs by inputs, outputs by outputs

  ntt::Network sparse = dense.clone();
  ntt::PruneOptions options;
  options.density = 0.1;
  ntt::prune(sparse, ntt::find_prune_method("magnitude"), {}, options);
  ntt::KernelComparison comparison;
  comparison.add(kernel, ntt::empirical_ntk(sparse, left, right, ntt::ParameterSet::active));
  std::cout << "kernel distance " << comparison.distance() << ", alignment " << comparison.alignment() << '\n';
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
