#include <nanobind/nanobind.h>

#include "ntt/core/threads.h"
#include "python/src/bindings.h"

NB_MODULE(_native, module) {
  using namespace ntt::python;
  module.doc() = "What the package neural_tangent_transfer takes from the C++ library.";
  bind_errors(module);
  bind_model(module);
  bind_network(module);
  bind_options(module);
  bind_jobs(module);
  bind_kernel(module);
  bind_sparse_layer(module);
}
