#pragma once

#include <ATen/core/Tensor.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace ntt::python {

/// What functions take: an array of NumPy or PyTorch, or any that speaks DLPack, in memory that stays its own.
using Array = nanobind::ndarray<nanobind::ro>;

/// A tensor that looks into an array's memory for as long as the array is there: no copy. InputError for other types of
/// numbers than float32, float64, uint8 and int64.
at::Tensor view_of(const Array& array);

/// A NumPy array that looks into a tensor's memory and keeps it: no copy of what is contiguous and on the CPU.
nanobind::object to_numpy(const at::Tensor& tensor);

}  // namespace ntt::python
