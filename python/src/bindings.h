#pragma once

#include <nanobind/nanobind.h>

namespace ntt::python {

// Each adds what its file binds to the module _native, which the Python files of the package make their functions of.
void bind_errors(nanobind::module_& module);
void bind_model(nanobind::module_& module);
void bind_network(nanobind::module_& module);
void bind_options(nanobind::module_& module);
void bind_jobs(nanobind::module_& module);
void bind_kernel(nanobind::module_& module);
void bind_sparse_layer(nanobind::module_& module);

}  // namespace ntt::python
