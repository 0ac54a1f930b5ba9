#include "python/src/arrays.h"

#include <ATen/ATen.h>

#include <vector>

#include "ntt/core/error.h"

namespace ntt::python {
namespace nb = nanobind;
namespace {

at::ScalarType scalar_type_of(const nb::dlpack::dtype& dtype) {
  if (dtype == nb::dtype<float>()) {
    return at::kFloat;
  }
  if (dtype == nb::dtype<double>()) {
    return at::kDouble;
  }
  if (dtype == nb::dtype<std::uint8_t>()) {
    return at::kByte;
  }
  if (dtype == nb::dtype<std::int64_t>()) {
    return at::kLong;
  }
  fail_input("an array must hold float32, float64, uint8 or int64");
}

nb::dlpack::dtype dtype_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return nb::dtype<float>();
    case at::kDouble:
      return nb::dtype<double>();
    case at::kByte:
      return nb::dtype<std::uint8_t>();
    case at::kBool:
      return nb::dtype<bool>();
    case at::kLong:
      return nb::dtype<std::int64_t>();
    default:
      fail_run("there is no array of {}", c10::toString(tensor.scalar_type()));
  }
}

}  // namespace

at::Tensor view_of(const Array& array) {
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
  for (std::size_t axis = 0; axis < array.ndim(); ++axis) {
    shape.push_back(static_cast<std::int64_t>(array.shape(axis)));
    strides.push_back(array.stride(axis));
  }
  const bool cuda = array.device_type() == nb::device::cuda::value;
  if (!cuda && array.device_type() != nb::device::cpu::value) {
    fail_input("an array must be on the CPU or a CUDA device");
  }
  const at::Device device =
      cuda ? at::Device(at::kCUDA, static_cast<at::DeviceIndex>(array.device_id())) : at::Device(at::kCPU);
  // Only read: ATen has no tensors of constant memory.
  return at::from_blob(
      const_cast<void*>(array.data()), shape, strides, [](void*) {},
      at::TensorOptions(scalar_type_of(array.dtype())).device(device), device);
}

nb::object to_numpy(const at::Tensor& tensor) {
  auto* kept = new at::Tensor(tensor.detach().to(at::kCPU).contiguous());
  const nb::capsule owner(kept, [](void* pointer) noexcept { delete static_cast<at::Tensor*>(pointer); });
  std::vector<std::size_t> shape(kept->sizes().begin(), kept->sizes().end());
  return nb::cast(nb::ndarray<nb::numpy>(kept->data_ptr(), shape.size(), shape.data(), owner, nullptr, dtype_of(*kept),
                                         nb::device::cpu::value, 0));
}

}  // namespace ntt::python
